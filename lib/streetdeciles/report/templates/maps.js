// Two maps of a region side by side, drawn on canvases, which zoom and move together.
const { select, zoom, zoomIdentity, Flatbush } = vendored;
const MARGIN = 0.02;
const MAX_BORDERED = 3000;
const MAX_ZOOM = 200;
const SETTLED_MS = 120;

class MapPair {
  constructor(box, region) {
    this.region = region;
    this.drawn = region.map;
    this.paths = this.drawn.paths.map((path) => new Path2D(path));
    this.districts = region.districts && { ...region.districts, path: new Path2D(box.querySelector(".districts path").getAttribute("d")) };
    this.transform = zoomIdentity;
    this.hovered = null;
    this.charts = all(".map", box).map((figure) => ({
      figure,
      kind: figure.dataset.kind,
      canvas: figure.querySelector("canvas.base"),
      marks: figure.querySelector("canvas.marks"),
    }));
    this.probe = document.createElement("canvas").getContext("2d");
    this.zoom = zoom()
      .scaleExtent([1, MAX_ZOOM])
      .filter((event) => this.takes(event))
      .on("zoom", (event) => this.moved(event));
    this.charts.forEach(({ marks }) => select(marks).call(this.zoom).on("dblclick.zoom", null));
    new ResizeObserver(() => this.resize()).observe(this.charts[0].figure);
  }

  // At the whole map the page scrolls: there is nothing to move, and nothing to make smaller.
  takes(event) {
    const whole = this.transform.k === 1;
    if (event.type === "wheel") return !(whole && event.deltaY > 0);
    if (event.type === "touchstart") return !(whole && event.touches.length < 2);
    return !event.button;
  }

  index() {
    if (!this.tree) {
      this.tree = new Flatbush(this.paths.length);
      boxesOf(this.drawn.paths).forEach((box) => this.tree.add(...box));
      this.tree.finish();
    }
    return this.tree;
  }

  resize() {
    const width = this.charts[0].canvas.clientWidth;
    if (!width || (width === this.width && this.density === devicePixelRatio)) return;
    const before = this.width;
    const [across, down] = [this.drawn.width * (1 + 2 * MARGIN), this.drawn.height * (1 + 2 * MARGIN)];
    this.width = width;
    this.height = Math.max(200, Math.min(620, Math.round((width * down) / across)));
    this.density = devicePixelRatio;
    this.scale = Math.min(width / across, this.height / down);
    this.left = (width - this.drawn.width * this.scale) / 2;
    this.top = (this.height - this.drawn.height * this.scale) / 2;
    this.charts.forEach(({ canvas, marks }) => [canvas, marks].forEach((each) => {
      each.width = Math.round(width * this.density);
      each.height = Math.round(this.height * this.density);
      each.style.height = this.height + "px";
    }));
    this.zoom.extent([[0, 0], [width, this.height]]).translateExtent([[0, 0], [width, this.height]]);
    const kept = before ? width / before : 1;
    this.set(zoomIdentity.translate(this.transform.x * kept, this.transform.y * kept).scale(this.transform.k));
  }

  set(transform) {
    select(this.charts[0].marks).call(this.zoom.transform, transform);
  }

  moved({ transform }) {
    this.transform = transform;
    this.charts.forEach(({ marks }) => {
      marks.__zoom = transform;  // where d3-zoom keeps it: the other map goes on from here
      marks.style.touchAction = transform.k === 1 ? "pan-y" : "none";
    });
    if (this.paths.length <= MAX_BORDERED || !this.picture) this.draw();
    else this.stretch();
    this.mark();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      if (this.picture) this.draw();
      const { k, x, y } = transform;
      view.zoom = k > 1 ? [k, x / this.width, y / this.height] : null;
      writeLink();
    }, SETTLED_MS);
  }

  // From grid units to pixels of the canvas.
  toGrid(context) {
    const { k, x, y } = this.transform;
    const size = this.density * k * this.scale;
    context.setTransform(size, 0, 0, size, this.density * (x + k * this.left), this.density * (y + k * this.top));
    return size;
  }

  visible() {
    if (this.transform.k === 1) return null;
    const [[west, north], [east, south]] = [this.at(0, 0), this.at(this.width, this.height)];
    return this.index().search(west, north, east, south);
  }

  at(x, y) {
    const [across, down] = this.transform.invert([x, y]);
    return [(across - this.left) / this.scale, (down - this.top) / this.scale];
  }

  draw() {
    if (!this.width) return;
    const values = valuesNow(this.region);
    const areas = this.visible() || [...this.paths.keys()];
    const above = this.districtsPicture();
    for (const { kind, canvas } of this.charts) {
      const layer = layers[kind === "predicted" ? view.layer : kind];
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      const size = this.toGrid(context);
      const byColour = new Map();
      for (const i of areas) {
        const colour = layer.colour(values, i, this.region);
        if (!byColour.has(colour)) byColour.set(colour, []);
        byColour.get(colour).push(i);
      }
      for (const [colour, group] of byColour) fillAreas(context, this.paths, colour, group);
      const unit = this.density / size;
      if (areas.length <= MAX_BORDERED) drawBorders(context, this.paths, areas, 0.8 * unit);
      writeTexts(context, this.drawn.labels, areas, unit, (i) => layer.text(values, i, this.region), (i) => layer.colour(values, i, this.region));
      if (above) {
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.drawImage(above, 0, 0);
      }
    }
    this.picture = this.paths.length > MAX_BORDERED ? { transform: this.transform, images: this.charts.map(({ canvas }) => copyOf(canvas)) } : null;
  }

  // The districts are drawn once for both maps, and again only when these have moved.
  districtsPicture() {
    if (!this.districts) return null;
    if (this.above?.transform !== this.transform) {
      const image = document.createElement("canvas");
      ({ width: image.width, height: image.height } = this.charts[0].canvas);
      const context = image.getContext("2d");
      drawDistricts(context, this.districts, this.density / this.toGrid(context));
      this.above = { transform: this.transform, image };
    }
    return this.above.image;
  }

  // While the map of a country moves, its last picture moves; it is drawn again when it has settled.
  stretch() {
    const { transform, images } = this.picture;
    const k = this.transform.k / transform.k;
    this.charts.forEach(({ canvas }, i) => {
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      const move = (now, then) => this.density * (now - k * then);
      context.setTransform(k, 0, 0, k, move(this.transform.x, transform.x), move(this.transform.y, transform.y));
      context.drawImage(images[i], 0, 0);
    });
  }

  mark() {
    for (const { marks } of this.charts) {
      const context = marks.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, marks.width, marks.height);
      const size = this.toGrid(context);
      for (const [i, width] of [[this.pinned(), 4], [this.hovered, 2.6]]) {
        if (i === null || i >= this.paths.length) continue;
        for (const [colour, extra] of [["#fff", 2], ["#000", 0]]) {
          context.strokeStyle = colour;
          context.lineWidth = ((width + extra) * this.density) / size;
          context.stroke(this.paths[i]);
        }
      }
    }
  }

  pinned() {
    return this.region === regionNow() ? view.pinned : null;
  }

  areaAt(x, y) {
    const [across, down] = this.at(x, y);
    const hits = this.index().search(across, down, across, down).sort((i, j) => i - j);
    const hit = hits.find((i) => this.probe.isPointInPath(this.paths[i], across, down, "evenodd"));
    return hit === undefined ? null : hit;
  }

  // Where a point of the area is on the map, in pixels.
  pointIn(i) {
    const [x, y] = this.drawn.labels.slice(3 * i, 3 * i + 2);
    return this.transform.apply([x * this.scale + this.left, y * this.scale + this.top]);
  }

  goTo(i) {
    if (i >= this.paths.length || !this.width) return;
    const [west, north, east, south] = boxesOf([this.drawn.paths[i]])[0];
    const widest = Math.max((east - west) / this.width, (south - north) / this.height) * this.scale;
    const k = Math.min(MAX_ZOOM, Math.max(1, 0.25 / widest));
    const [x, y] = [(west + east) / 2, (north + south) / 2];
    const [across, down] = [x * this.scale + this.left, y * this.scale + this.top];
    this.set(this.within(zoomIdentity.translate(this.width / 2, this.height / 2).scale(k).translate(-across, -down)));
  }

  within({ k, x, y }) {
    const inside = (moved, side) => Math.min(0, Math.max(side * (1 - k), moved));
    return zoomIdentity.translate(inside(x, this.width), inside(y, this.height)).scale(k);
  }

  scaleBy(factor) {
    select(this.charts[0].marks).call(this.zoom.scaleBy, factor);
  }

  moveBy(x, y) {
    const { k } = this.transform;
    select(this.charts[0].marks).call(this.zoom.translateBy, x / k, y / k);
  }
}
