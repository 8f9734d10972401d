"use strict";
(() => {
  const data = JSON.parse(document.getElementById("areas").textContent);
  const tip = document.getElementById("tip");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const picked = { outcome: 0, region: 0 };

  // Halves go to the even decile, as everywhere in the report.
  const decileClass = (decile) => {
    if (decile === null) return 0;
    let whole = Math.round(decile);
    if (decile % 1 === 0.5 && whole % 2) whole -= 1;
    return Math.min(10, Math.max(1, whole));
  };

  const element = (name, text, className) => {
    const created = document.createElement(name);
    if (text !== undefined) created.textContent = text;
    if (className) created.className = className;
    return created;
  };

  const valuesOf = (region) => data.regions[region].values[picked.outcome];

  const paint = (box) => {
    const values = valuesOf(box.dataset.region);
    for (const kind of ["true", "predicted"]) {
      all(`.map.${kind} .areas path`, box).forEach((path, i) => {
        path.setAttribute("class", "d" + decileClass(values[kind][i]));
      });
    }
    all(".picked", box).forEach((name) => { name.textContent = data.outcomes[picked.outcome]; });
    const details = box.querySelector("details.table");
    if (details.open) listAreas(details);
  };

  const show = () => {
    all(".region").forEach((box) => {
      box.hidden = Number(box.dataset.region) !== picked.region;
      if (!box.hidden) paint(box);
    });
    all(".panel").forEach((panel) => {
      panel.hidden = Number(panel.dataset.region) !== picked.region || Number(panel.dataset.outcome) !== picked.outcome;
    });
    all(".deciles").forEach((line) => { line.hidden = Number(line.dataset.outcome) !== picked.outcome; });
    all("section > p .picked").forEach((name) => { name.textContent = data.outcomes[picked.outcome]; });
  };

  all(".picker input").forEach((input) => {
    // A reloaded page may come back with another radio button chosen.
    if (input.checked) picked[input.name] = Number(input.value);
    input.addEventListener("change", () => {
      picked[input.name] = Number(input.value);
      show();
    });
  });

  // Pointing at an area on either map outlines it on both.
  const point = (box, path, event) => {
    const i = Array.prototype.indexOf.call(path.parentNode.children, path);
    const region = data.regions[box.dataset.region];
    const values = valuesOf(box.dataset.region);
    all(".here", box).forEach((outline) => outline.setAttribute("d", path.getAttribute("d")));
    const line = element("p");
    for (const [name, kind] of [["actual ", "true"], ["predicted ", "predicted"]]) {
      const value = values[kind][i];
      line.append(name, element("span", value === null ? "–" : String(value), "chip d" + decileClass(value)), " ");
    }
    const n = values.n[i];
    tip.replaceChildren(
      element("b", region.names[i] || region.areas[i]),
      element("p", region.areas[i], "code"),
      line,
      element("p", n === 1 ? "1 location" : `${n.toLocaleString("en")} locations`),
    );
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18;
    const top = below + tip.offsetHeight > window.innerHeight ? event.clientY - tip.offsetHeight - 12 : below;
    tip.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
  };

  const leave = () => {
    tip.hidden = true;
    all(".here").forEach((outline) => outline.setAttribute("d", ""));
  };

  all(".region").forEach((box) => {
    all(".map svg", box).forEach((svg) => {
      const pointed = (event) => {
        const path = event.target.closest(".areas path");
        if (path) point(box, path, event);
        else leave();
      };
      svg.addEventListener("pointermove", pointed);
      svg.addEventListener("pointerdown", pointed);
      svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") leave(); });
    });
    const details = box.querySelector("details.table");
    details.addEventListener("toggle", () => { if (details.open) listAreas(details); });
  });
  window.addEventListener("scroll", leave, { passive: true });

  // The areas whose prediction is farthest from the truth come first.
  const MAX_ROWS = 1000;
  function listAreas(details) {
    const box = details.closest(".region");
    const region = data.regions[box.dataset.region];
    const values = valuesOf(box.dataset.region);
    const off = (i) => {
      const missing = values.true[i] === null || values.predicted[i] === null;
      return missing ? -1 : Math.abs(values.true[i] - values.predicted[i]);
    };
    const order = region.areas.map((_, i) => i).sort((i, j) => off(j) - off(i) || i - j);
    const table = element("table", undefined, "areas-table");
    const head = element("tr");
    for (const title of ["Area", "Code", "Actual", "Predicted", "Locations"]) {
      const cell = element("th", title);
      cell.scope = "col";
      head.append(cell);
    }
    table.createTHead().append(head);
    const body = table.createTBody();
    for (const i of order.slice(0, MAX_ROWS)) {
      const row = element("tr");
      row.append(element("td", region.names[i]), element("td", region.areas[i], "code"));
      for (const kind of ["true", "predicted"]) {
        const value = values[kind][i];
        const cell = element("td");
        cell.append(element("span", value === null ? "–" : String(value), "chip d" + decileClass(value)));
        row.append(cell);
      }
      row.append(element("td", values.n[i].toLocaleString("en"), "number"));
      body.append(row);
    }
    const left = order.length - MAX_ROWS;
    const rest = left > 0 ? [element("p", `and ${left.toLocaleString("en")} more areas`)] : [];
    details.querySelector(".scroll").replaceChildren(table, ...rest);
  }

  document.body.classList.add("live");
  show();
})();
