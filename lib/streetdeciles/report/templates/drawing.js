// How areas are drawn on a canvas: filled by colour, with borders and texts.
const WIDEST_BATCH = 4000;

// The box of each path: `M x y l dx dy …z`, perhaps several times, or a single cell of the grid.
const boxesOf = (paths) => paths.map((path) => {
  let x = 0, y = 0, west = Infinity, south = -Infinity, east = -Infinity, north = Infinity;
  for (const ring of path.split("z")) {
    if (!ring) continue;
    const numbers = ring.match(/-?\d+/g).map(Number);
    x = y = 0;
    for (let i = 0; i + 1 < numbers.length; i += 2) {
      x += numbers[i];
      y += numbers[i + 1];
      west = Math.min(west, x); east = Math.max(east, x);
      north = Math.min(north, y); south = Math.max(south, y);
    }
  }
  return [west, north, east, south];
});

const pageColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const fillAreas = (context, paths, colour, areas) => {
  context.fillStyle = colour;
  for (let start = 0; start < areas.length; start += WIDEST_BATCH) {
    const together = new Path2D();
    for (const i of areas.slice(start, start + WIDEST_BATCH)) together.addPath(paths[i]);
    context.fill(together, "evenodd");
  }
};

// `width` in units of the grid.
const drawBorders = (context, paths, areas, width) => {
  context.strokeStyle = pageColour("--edge");
  context.lineWidth = width;
  context.lineJoin = "round";
  for (const i of areas) context.stroke(paths[i]);
};

// Texts are a second channel beside the colour, wherever there is room for them. `unit`: grid units in a CSS pixel.
const writeTexts = (context, labels, areas, unit, textOf, colourOf) => {
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const i of areas) {
    const [x, y, radius] = labels.slice(3 * i, 3 * i + 3);
    const room = radius / unit;
    const text = textOf(i);
    if (!text || room < 5 + 2.5 * text.length) continue;
    context.font = `600 ${Math.min(16, Math.max(10, room * 0.9)) * unit}px system-ui, sans-serif`;
    context.fillStyle = textColour(colourOf(i));
    context.fillText(text, x, y);
  }
};

// The borders and names of districts, above the areas. A name is left out where it has no room, or where another one is.
const drawDistricts = (context, { path, names, labels }, unit) => {
  context.lineJoin = "round";
  for (const [colour, width] of [["rgba(255, 255, 255, 0.8)", 3], ["#1b1f24", 1.4]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke(path);
  }
  context.textAlign = "center";
  context.textBaseline = "middle";
  const written = [];
  const widestFirst = [...names.keys()].sort((i, j) => labels[3 * j + 2] - labels[3 * i + 2]);
  for (const i of widestFirst) {
    const [x, y, radius] = labels.slice(3 * i, 3 * i + 3);
    const size = Math.min(16, Math.max(12, radius / unit / 5)) * unit;
    context.font = `600 ${size}px system-ui, sans-serif`;
    const half = context.measureText(names[i]).width / 2;
    if (half > 1.2 * radius) continue;
    const box = [x - half, y - size, x + half, y + size];
    if (written.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
    written.push(box);
    context.strokeStyle = "rgba(255, 255, 255, 0.85)";
    context.lineWidth = 3.5 * unit;
    context.strokeText(names[i], x, y);
    context.fillStyle = "#1b1f24";
    context.fillText(names[i], x, y);
  }
};

const copyOf = (canvas) => {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  if (copy.width && copy.height) copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
};
