// The data of the page, and what is chosen: outcome, region, layer of the right map, method, pinned area and zoom.
const data = JSON.parse(document.getElementById("areas").textContent);
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
data.regions.forEach(({ values }) => values.forEach((outcome) => {
  const bytes = bytesOf(outcome.actual);
  outcome.true = Array.from(bytes, (both) => both >> 4 || null);
  outcome.national = Array.from(bytes, (both) => both & 15 || null);
  outcome.n ??= values[0].n;
}));
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const view = { outcome: 0, region: 0, layer: "predicted", method: "", pinned: null, zoom: null };

const regionNow = () => data.regions[view.region];

// Bytes and deciles are decoded when they are looked at.
const decoded = new Map();
const decodedOnce = (text, decode) => {
  if (!decoded.has(text)) decoded.set(text, decode(bytesOf(text)));
  return decoded.get(text);
};

// What is chosen besides the report's method, or undefined.
const methodNow = (region = regionNow()) => region.methods.find(({ name }) => name === view.method);
const halves = (bytes) => Array.from(bytes, (twice) => twice / 2 || null);
const valuesNow = (region = regionNow()) => {
  const values = region.values[view.outcome];
  const method = methodNow(region);
  return method ? { ...values, predicted: decodedOnce(method.predicted[view.outcome], halves) } : values;
};

// The ends of an area's interval of deciles, [low, high], or null.
const intervalOf = (region, i, outcome = view.outcome) => {
  if (!region.intervals) return null;
  const both = decodedOnce(region.intervals[outcome], (bytes) => bytes)[i];
  return both ? [both >> 4, both & 15] : null;
};

// Intervals are those of the report's method.
const intervalNow = (region, i) => (methodNow(region) ? null : intervalOf(region, i));

const isFew = (values, i) => values.n[i] > 0 && values.n[i] < data.min_locations;

const element = (name, text, className) => {
  const created = document.createElement(name);
  if (text !== undefined) created.textContent = text;
  if (className) created.className = className;
  return created;
};

// Halves go to the even decile, as everywhere in the report.
const decileClass = (decile) => {
  if (decile === null) return 0;
  let whole = Math.round(decile);
  if (decile % 1 === 0.5 && whole % 2) whole -= 1;
  return Math.min(10, Math.max(1, whole));
};

const chip = (decile) => element("span", decile === null ? "–" : String(decile), "chip d" + decileClass(decile));

const number = (n) => n.toLocaleString("en");

const nameOf = (region, i) => region.names[i] || region.areas[i];

// Why an area has no prediction.
const whyNot = (region, i) => (region.located[i] ? "not predicted" : "no photographs");

const leaveMissingLayer = () => {
  const needed = { split: regionNow().folds, uncertainty: regionNow().intervals && !methodNow() };
  if (view.layer in needed && !needed[view.layer]) view.layer = "predicted";
};

// The view as the end of a link, which brings it back.
const readLink = () => {
  const parts = new URLSearchParams(location.hash.slice(1));
  const positionOf = (list, name) => Math.max(0, list.indexOf(parts.get(name)));
  view.outcome = positionOf(data.outcome_ids, "outcome");
  view.region = positionOf(data.regions.map((region) => region.name), "region");
  if (layers[parts.get("layer")]) view.layer = parts.get("layer");
  view.method = parts.get("method") || "";
  leaveMissingLayer();
  const pinned = regionNow().areas.indexOf(parts.get("area"));
  view.pinned = pinned < 0 ? null : pinned;
  const zoom = (parts.get("zoom") || "").split(",").map(Number);
  view.zoom = zoom.length === 3 && zoom.every(Number.isFinite) && zoom[0] > 1 ? zoom : null;
};

const writeLink = () => {
  const parts = new URLSearchParams({ outcome: data.outcome_ids[view.outcome] });
  if (data.regions.length > 1) parts.set("region", regionNow().name);
  if (view.layer !== "predicted") parts.set("layer", view.layer);
  if (methodNow()) parts.set("method", view.method);
  if (view.pinned !== null) parts.set("area", regionNow().areas[view.pinned]);
  if (view.zoom) parts.set("zoom", view.zoom.map((part) => Number(part.toPrecision(5))).join(","));
  history.replaceState(null, "", "#" + parts);
};
