// The table of a region's areas: sorted, filtered, copied and saved.
const ROWS_PER_STEP = 300;

const worstFirst = (values) => (i) => (differenceOf(values, i) === null ? -1 : Math.abs(differenceOf(values, i)));

const columnsOf = (region, values) => [
  { title: "Area", key: (i) => region.names[i], cell: (i) => element("td", region.names[i]) },
  { title: "Code", key: (i) => region.areas[i], cell: (i) => element("td", region.areas[i], "code") },
  { title: "Actual", key: (i) => values.true[i], cell: (i) => cellWith(chip(values.true[i])) },
  { title: "National", numeric: true, key: (i) => values.national[i], cell: (i) => element("td", textOf(values.national[i]), "number") },
  { title: "Predicted", key: (i) => values.predicted[i], cell: (i) => predictedCell(region, values, i) },
  { title: "Off by", numeric: true, key: worstFirst(values), cell: (i) => element("td", offBy(values, i), "number") },
  { title: "Interval", numeric: true, key: (i) => widthOf(intervalNow(region, i)), cell: (i) => element("td", rangeText(intervalNow(region, i)), "number") },
  { title: "Locations", numeric: true, key: (i) => values.n[i], cell: (i) => locationsCell(region, values, i) },
];

const rangeText = (interval) => (interval ? `${interval[0]} to ${interval[1]}` : "–");

const locationsCell = (region, values, i) => {
  const cell = element("td", number(values.n[i]), "number");
  if (region.intervals && isFew(values, i)) cell.append(" ", element("em", "few"));
  return cell;
};

const textOf = (value) => (value === null ? "–" : String(value));

const offBy = (values, i) => (differenceOf(values, i) === null ? "" : signed(differenceOf(values, i)));

const cellWith = (content) => {
  const cell = element("td");
  cell.append(content);
  return cell;
};

const predictedCell = (region, values, i) =>
  values.predicted[i] === null ? element("td", whyNot(region, i), "code") : cellWith(chip(values.predicted[i]));

const compare = (one, other) => {
  if (one === other) return 0;
  if (one === null) return 1;
  if (other === null) return -1;
  return typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
};

class AreaTable {
  constructor(details, region, pick) {
    this.details = details;
    this.region = region;
    this.pick = pick;
    this.sorted = { column: 5, down: true };
    this.filter = details.querySelector("input");
    this.box = details.querySelector(".scroll");
    details.addEventListener("toggle", () => this.fill());
    this.filter.addEventListener("input", () => this.fill());
    this.box.addEventListener("scroll", () => {
      if (this.box.scrollTop + this.box.clientHeight > this.box.scrollHeight - 200) this.addRows();
    });
    details.querySelector(".save").addEventListener("click", () => this.save());
    details.querySelector(".copy").addEventListener("click", (event) => copyRows(this.rows(), event.target));
  }

  fill() {
    if (!this.details.open) return;
    const values = valuesNow(this.region);
    const has = { National: () => values.national.some((decile) => decile !== null), Interval: () => this.region.intervals };
    this.columns = columnsOf(this.region, values).filter(({ title }) => !has[title] || has[title]());
    const keys = this.columns.map(({ key }) => key);
    const { column, down } = this.sorted;
    const key = (keys[column] || keys[0]);
    this.order = this.matching().sort((i, j) => {
      const [one, other] = [key(i), key(j)];
      const way = one === null || other === null ? 1 : down ? -1 : 1;  // what is not known comes last
      return way * compare(one, other) || i - j;
    });
    const table = element("table", undefined, "areas-table");
    table.createTHead().append(this.head());
    this.body = table.createTBody();
    this.box.replaceChildren(table);
    this.box.scrollTop = 0;
    this.details.querySelector(".matches").textContent = `${number(this.order.length)} of ${number(this.region.areas.length)} areas`;
    this.addRows();
  }

  matching() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { areas, names } = this.region;
    return [...areas.keys()].filter((i) => {
      const text = `${names[i]} ${areas[i]}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  head() {
    const row = element("tr");
    this.columns.forEach(({ title, numeric }, column) => {
      const cell = element("th", undefined, numeric ? "number" : "");
      const button = element("button", title);
      const { column: sorted, down } = this.sorted;
      cell.scope = "col";
      if (column === sorted) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      button.type = "button";
      button.addEventListener("click", () => {
        this.sorted = { column, down: column === sorted ? !down : false };
        this.fill();
        this.box.querySelectorAll("thead button")[column].focus();
      });
      cell.append(button);
      row.append(cell);
    });
    return row;
  }

  addRows() {
    const from = this.body.rows.length;
    for (const i of this.order.slice(from, from + ROWS_PER_STEP)) {
      const row = element("tr");
      row.append(...this.columns.map(({ cell }) => cell(i)));
      row.addEventListener("click", () => this.pick(i));
      this.body.append(row);
    }
  }

  // All outcomes by the report's method, one row per area, whatever is filtered and sorted.
  rows() {
    const { areas, names, values, located } = this.region;
    const kinds = [["true", "actual"], ["national", "national"], ["predicted", "predicted"], ["n", "locations_predicted"]];
    const ends = this.region.intervals ? ["low", "high"] : [];
    const columns = [...kinds.map(([, title]) => title), ...ends];
    const titles = data.outcome_ids.flatMap((outcome) => columns.map((title) => `${outcome}_${title}`));
    const endsOf = (i, o) => (ends.length ? intervalOf(this.region, i, o) || ["", ""] : []);
    const cells = (i) => values.flatMap((outcome, o) => [...kinds.map(([kind]) => outcome[kind][i] ?? ""), ...endsOf(i, o)]);
    return [
      ["area_id", "name", "locations", ...titles],
      ...areas.map((area, i) => [safe(area), safe(names[i]), located[i], ...cells(i)]),
    ];
  }

  save() {
    saveRows(this.rows(), `${this.region.name.replace(/[^\w-]+/g, "_")}_areas.csv`);
  }
}

const copyRows = (rows, button) => {
  button.dataset.text ??= button.textContent;
  navigator.clipboard.writeText(rows.map((row) => row.join("\t")).join("\n"));
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = button.dataset.text; }, 1500);
};

const saveRows = (rows, name) => {
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${String(text).replaceAll('"', '""')}"` : text);
  const lines = rows.map((row) => row.map(quoted).join(","));
  const link = element("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
};

// A spreadsheet runs what begins like a formula.
const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
