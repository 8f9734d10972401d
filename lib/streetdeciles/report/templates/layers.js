// What a map can show of each area: a colour, and a short text, which tells what the colour may not.
const DIFFERENCE_COLOURS = ["#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7", "#d8daeb", "#b2abd2", "#8073ac", "#542788"];
const COUNT_COLOURS = ["#f7fcb9", "#d9f0a3", "#addd8e", "#78c679", "#41ab5d", "#238443", "#005a32"];
const COUNT_STEPS = [1, 2, 5, 10, 20, 50, 100];
const FOLD_COLOURS = ["#7fc97f", "#beaed4", "#fdc086", "#ffff99", "#80b1d3", "#f781bf", "#bf8b5e", "#b3de69", "#17becf", "#d9d9d9"];
const SEVERAL_COLOUR = "#555555";
const WIDTH_COLOURS = ["#fef0d9", "#fdcc8a", "#fc8d59", "#e34a33", "#b30000"];
const widthOf = (interval) => (interval ? interval[1] - interval[0] + 1 : null);
const NOT_KNOWN = data.colours[0];

const decileLayer = (title, kind) => ({
  title,
  colour: (values, i) => data.colours[decileClass(values[kind][i])],
  text: (values, i) => (values[kind][i] === null ? "" : String(decileClass(values[kind][i]))),
});

const differenceOf = (values, i) =>
  values.true[i] === null || values.predicted[i] === null ? null : values.predicted[i] - values.true[i];

const signed = (n) => (n > 0 ? "+" : n < 0 ? "−" : "") + Number(Math.abs(n).toFixed(1));

const layers = {
  true: decileLayer("Actual decile", "true"),
  predicted: decileLayer("Predicted decile", "predicted"),
  difference: {
    title: "Predicted minus actual decile",
    colour: (values, i) => {
      const off = differenceOf(values, i);
      return off === null ? NOT_KNOWN : DIFFERENCE_COLOURS[Math.min(4, Math.max(-4, Math.round(off))) + 4];
    },
    text: (values, i) => (differenceOf(values, i) === null ? "" : signed(differenceOf(values, i))),
  },
  uncertainty: {
    title: "Deciles in the 80 % interval",
    colour: (values, i, region) => {
      const width = widthOf(intervalNow(region, i));
      return width ? WIDTH_COLOURS[Math.min(WIDTH_COLOURS.length, Math.ceil(width / 2)) - 1] : NOT_KNOWN;
    },
    text: (values, i, region) => String(widthOf(intervalNow(region, i)) || ""),
  },
  split: {
    title: "Fold in which the area is held out",
    colour: (values, i, region) => (region.folds[i] === null ? NOT_KNOWN : FOLD_COLOURS[region.folds[i] % FOLD_COLOURS.length] || SEVERAL_COLOUR),
    text: (values, i, region) => (region.folds[i] === null ? "" : region.folds[i] < 0 ? "×" : String(region.folds[i])),
  },
  locations: {
    title: "Locations predicted",
    colour: (values, i) => {
      const step = COUNT_STEPS.filter((least) => values.n[i] >= least).length;
      return step ? COUNT_COLOURS[step - 1] : NOT_KNOWN;
    },
    text: (values, i) => (values.n[i] ? number(values.n[i]) : ""),
  },
};

const foldLegend = () => {
  const folds = [...new Set(regionNow().folds)].filter((fold) => fold !== null).sort((one, other) => one - other);
  return {
    colours: folds.map((fold) => FOLD_COLOURS[fold % FOLD_COLOURS.length] || SEVERAL_COLOUR),
    texts: folds.map((fold) => (fold < 0 ? "×" : String(fold))),
    poles: ["numbers of the folds", folds[0] < 0 ? "×: in several folds" : ""],
  };
};

const LEGENDS = {
  difference: {
    colours: DIFFERENCE_COLOURS,
    texts: ["≤ −4", "−3", "−2", "−1", "0", "+1", "+2", "+3", "≥ +4"],
    poles: ["predicted more deprived", "predicted less deprived"],
  },
  uncertainty: { colours: WIDTH_COLOURS, texts: ["1–2", "3–4", "5–6", "7–8", "9+"], poles: ["surer", "less sure"] },
  locations: { colours: COUNT_COLOURS, texts: ["1", "2+", "5+", "10+", "20+", "50+", "100+"], poles: ["", ""] },
};

// Ink or paper, whichever stands out more (WCAG 2), as the page's own chips.
const textColour = (background) => {
  const [red, green, blue] = [1, 3, 5].map((i) => {
    const part = parseInt(background.slice(i, i + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.06 ? "#ffffff" : "#1b1f24";
};

const showLegend = (box) => {
  const legend = box.querySelector(".legend.other");
  const shown = view.layer === "split" ? foldLegend() : LEGENDS[view.layer];
  legend.hidden = !shown;
  if (!shown) return;
  const scale = element("span", undefined, "scale");
  shown.colours.forEach((colour, i) => {
    const step = element("i", shown.texts[i]);
    step.style.background = colour;
    step.style.color = textColour(colour);
    scale.append(step);
  });
  const poles = element("span", undefined, "poles");
  poles.append(...shown.poles.map((pole) => element("span", pole)));
  const ramp = element("span", undefined, "ramp");
  ramp.append(scale, poles);
  legend.setAttribute("aria-label", `Legend of the right map: ${layers[view.layer].title}, ${shown.texts.join(", ")}`);
  legend.replaceChildren(ramp);
};
