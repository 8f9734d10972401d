// The page: what happens on it when something is chosen.
const tip = document.getElementById("tip");
const MAX_MATCHES = 8;
const STEP = 60;

const describe = (region, i) => {
  const values = valuesNow(region);
  const line = element("p");
  line.append("actual ", chip(values.true[i]), " predicted ");
  line.append(values.predicted[i] === null ? whyNot(region, i) : chip(values.predicted[i]));
  const parts = [element("b", nameOf(region, i)), element("p", region.areas[i], "code"), line];
  if (values.national[i] !== null) parts.push(element("p", `national decile ${values.national[i]}`));
  const interval = intervalNow(region, i);
  if (interval) parts.push(element("p", `80 % interval ${interval[0]} to ${interval[1]}`));
  if (region.intervals && isFew(values, i)) parts.push(element("p", `fewer than ${data.min_locations} locations: less sure`));
  parts.push(element("p", values.n[i] === 1 ? "1 location" : `${number(values.n[i])} locations`));
  return parts;
};

const showTip = (region, i, x, y) => {
  tip.replaceChildren(...describe(region, i));
  tip.hidden = false;
  const left = Math.min(x + 14, window.innerWidth - tip.offsetWidth - 8);
  const below = y + 18;
  const top = below + tip.offsetHeight > window.innerHeight ? y - tip.offsetHeight - 12 : below;
  tip.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
};

// The dots of the charts of the chosen outcome, which stand for areas as the map does.
const markDots = (name, i) => {
  all(`circle.${name}`).forEach((dot) => dot.classList.remove(name));
  if (i !== null) all(`.panel:not([hidden]) circle[data-area="${i}"]`).forEach((dot) => dot.classList.add(name));
};

class RegionBox {
  constructor(box) {
    this.box = box;
    this.region = data.regions[box.dataset.region];
    this.method = box.querySelector("select.method");
    this.table = new AreaTable(box.querySelector("details.table"), this.region, (i) => this.pick(i, true));
    if (this.region.map) {
      this.listen();
      this.search();
    }
  }

  // The paths of a region are made when it is looked at.
  show() {
    if (this.region.map && !this.maps) this.maps = new MapPair(this.box, this.region);
    if (this.maps) this.maps.resize();
    this.paint();
    if (this.maps && view.zoom && this.maps.transform.k === 1) {
      const [k, x, y] = view.zoom;
      this.maps.set(this.maps.within({ k, x: x * this.maps.width, y: y * this.maps.height }));
    }
  }

  paint() {
    all(".picked", this.box).forEach((name) => { name.textContent = data.outcomes[view.outcome]; });
    this.table.fill();
    this.showPinned();
    if (!this.maps) return;
    for (const { kind, figure, marks } of this.maps.charts) {
      const { title } = layers[kind === "predicted" ? view.layer : kind];
      if (kind === "predicted") this.captionRight(figure, title);
      const count = number(this.region.map.paths.length);
      marks.setAttribute("aria-label", `Map of ${this.region.title}: ${title.toLowerCase()} of ${data.outcomes[view.outcome]}, ${count} areas`);
    }
    showLegend(this.box);
    this.maps.draw();
    this.maps.mark();
  }

  captionRight(figure, title) {
    const [name, about] = [figure.querySelector("figcaption b"), figure.querySelector("figcaption span")];
    about.dataset.models ??= about.textContent;
    name.textContent = title;
    about.hidden = !["predicted", "difference"].includes(view.layer);
    about.textContent = methodNow(this.region) ? this.method.selectedOptions[0].textContent : about.dataset.models;
  }

  listen() {
    all(".map", this.box).forEach((figure) => {
      const marks = figure.querySelector("canvas.marks");
      const under = (event) => {
        const box = marks.getBoundingClientRect();
        return this.maps.areaAt(event.clientX - box.left, event.clientY - box.top);
      };
      marks.addEventListener("pointermove", (event) => {
        const i = event.buttons ? null : under(event);
        this.hover(i);
        if (i !== null) showTip(this.region, i, event.clientX, event.clientY);
      });
      marks.addEventListener("pointerleave", () => this.hover(null));
      marks.addEventListener("click", (event) => this.pick(under(event), false));
      marks.addEventListener("keydown", (event) => this.key(event));
    });
    const buttons = { in: () => this.maps.scaleBy(2), out: () => this.maps.scaleBy(0.5), whole: () => this.maps.set(zoomIdentity) };
    all("button[data-zoom]", this.box).forEach((button) => button.addEventListener("click", buttons[button.dataset.zoom]));
    all("input[name^=layer]", this.box).forEach((input) => input.addEventListener("change", () => {
      view.layer = input.value;
      if (view.layer === "uncertainty") view.method = "";
      show();
      writeLink();
    }));
    if (this.method) this.method.addEventListener("change", () => {
      view.method = this.method.value;
      show();
      writeLink();
    });
  }

  key(event) {
    const { maps } = this;
    const keys = {
      ArrowLeft: () => maps.moveBy(STEP, 0), ArrowRight: () => maps.moveBy(-STEP, 0),
      ArrowUp: () => maps.moveBy(0, STEP), ArrowDown: () => maps.moveBy(0, -STEP),
      "+": () => maps.scaleBy(1.5), "=": () => maps.scaleBy(1.5), "-": () => maps.scaleBy(1 / 1.5),
      0: () => maps.set(zoomIdentity), Escape: () => this.pick(null, false),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  }

  hover(i) {
    if (i === null) tip.hidden = true;
    if (!this.maps || i === this.maps.hovered) return;
    markDots("pointed", i);
    this.maps.hovered = i;
    this.maps.mark();
  }

  pick(i, goThere) {
    view.pinned = i === view.pinned && !goThere ? null : i;
    writeLink();
    this.showPinned();
    if (!this.maps) return;
    if (goThere && i !== null) this.maps.goTo(i);
    this.maps.mark();
  }

  showPinned() {
    if (this.region === regionNow()) markDots("chosen", view.pinned);
    const pinned = this.box.querySelector(".pinned");
    if (!pinned) return;
    pinned.hidden = view.pinned === null;
    if (view.pinned !== null) pinned.replaceChildren(...describe(this.region, view.pinned));
  }

  // Areas by the beginning of a location's id, e.g. of a postcode: blanks and case do not matter.
  locationsLike(text) {
    const plain = (id) => id.replace(/\s+/g, "").toUpperCase();
    const start = plain(text);
    const { location_ids: ids } = this.region;
    const found = [];
    for (let i = 0; ids && start.length > 2 && i < ids.length && found.length < MAX_MATCHES; i += 1) {
      const id = ids[i].find((each) => plain(each).startsWith(start));
      if (id !== undefined) found.push([i, `${id}, in ${nameOf(this.region, i)}`]);
    }
    return found;
  }

  search() {
    const input = this.box.querySelector(".search input");
    const list = this.box.querySelector(".search ul");
    const close = () => { list.hidden = true; };
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const { areas, names } = this.region;
      const matches = [];
      for (let i = 0; words.length && i < areas.length && matches.length < MAX_MATCHES; i += 1) {
        const text = `${names[i]} ${areas[i]}`.toLowerCase();
        if (words.every((word) => text.includes(word))) matches.push(i);
      }
      const found = [...matches.map((i) => [i, [names[i], areas[i]].filter(Boolean).join(", ")]), ...this.locationsLike(input.value)];
      list.replaceChildren(...found.slice(0, MAX_MATCHES).map(([i, text]) => {
        const button = element("button", text);
        button.type = "button";
        button.addEventListener("click", () => {
          close();
          this.pick(i, true);
        });
        const item = element("li");
        item.append(button);
        return item;
      }));
      if (words.length && !found.length) list.replaceChildren(element("li", "no such area"));
      list.hidden = !words.length;
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (event.key === "Enter") (list.querySelector("button") || input).click();
    });
  }
}

// Which photographs are shown; those of confident predictions depend on the outcome.
const showList = () => {
  const chosen = all("input[name=list]").find((input) => input.checked);
  if (!chosen) return;
  const list = chosen.value === "random" ? "random" : `${chosen.value}-${view.outcome}`;
  all("[data-lists]").forEach((figure) => { figure.hidden = !figure.dataset.lists.split(" ").includes(list); });
  all("p[data-list]").forEach((text) => { text.hidden = text.dataset.list !== chosen.value; });
};

all("input[name=list]").forEach((input) => input.addEventListener("change", showList));
all(".copy-text").forEach((button) => button.addEventListener("click", () => {
  const text = all("pre, .text p", button.parentElement).map((part) => part.textContent).join("\n\n");
  navigator.clipboard.writeText(text);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}));

const boxes = all(".region").map((box) => new RegionBox(box));

const show = () => {
  leaveMissingLayer();
  boxes.forEach((each) => {
    each.box.hidden = each.region !== regionNow();
    all("input[name^=layer]", each.box).forEach((input) => { input.checked = input.value === view.layer; });
    if (each.method) each.method.value = methodNow(each.region) ? view.method : "";
    if (!each.box.hidden) each.show();
  });
  all(".panel").forEach((panel) => {
    panel.hidden = Number(panel.dataset.region) !== view.region || Number(panel.dataset.outcome) !== view.outcome;
  });
  boxNow().showPinned();
  showList();
  all(".deciles").forEach((line) => { line.hidden = Number(line.dataset.outcome) !== view.outcome; });
  all("section > p .picked").forEach((name) => { name.textContent = data.outcomes[view.outcome]; });
};

all(".pickers input").forEach((input) => input.addEventListener("change", () => {
  if (input.name === "region") Object.assign(view, { pinned: null, zoom: null });
  view[input.name] = Number(input.value);
  show();
  writeLink();
}));

// Whatever names an area leads to it on the map.
const boxNow = () => boxes.find(({ region }) => region === regionNow());
document.addEventListener("click", (event) => {
  const named = event.target.closest("[data-area]");
  if (!named) return;
  event.preventDefault();
  if (named.dataset.region && Number(named.dataset.region) !== view.region) {
    Object.assign(view, { region: Number(named.dataset.region), pinned: null, zoom: null });
    start();
  }
  boxNow().pick(Number(named.dataset.area), true);
  boxNow().box.scrollIntoView();
});
all("circle[data-area]").forEach((dot) => {
  const i = Number(dot.dataset.area);
  dot.addEventListener("pointerenter", (event) => {
    boxNow().hover(i);
    showTip(regionNow(), i, event.clientX, event.clientY);
  });
  dot.addEventListener("pointerleave", () => boxNow().hover(null));
});

window.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
window.addEventListener("hashchange", () => {
  readLink();
  start();
});

const start = () => {
  all(".pickers input").forEach((input) => { input.checked = Number(input.value) === view[input.name]; });
  show();
};

document.body.classList.add("live");
readLink();
start();
