// Tables of the page that can be copied and saved as they are.
const wordsOf = (node) => node.textContent.replace(/\s+/g, " ").trim();

// What stands below a figure follows it: an interval in brackets.
const cellText = (cell) => {
  const copy = cell.cloneNode(true);
  all("small", copy).forEach((small) => small.replaceWith(wordsOf(small) && ` (${wordsOf(small)})`));
  all(".beside", copy).forEach((beside) => beside.replaceWith(`; ${wordsOf(beside)}`));
  return wordsOf(copy);
};

// Drawings are left out.
const cellsOf = (table) => all("thead tr, tbody tr", table).map((row) =>
  [...row.cells].filter((cell) => !cell.matches(".line")).map(cellText));

all("[data-saved]").forEach((box) => {
  const rows = () => cellsOf(box.querySelector("table")).map((cells) => cells.map(safe));
  const tools = element("p", undefined, "table-tools");
  const button = (text, act) => {
    const created = element("button", text);
    created.type = "button";
    created.setAttribute("aria-label", `${text}: ${box.getAttribute("aria-label")}`);
    created.addEventListener("click", act);
    tools.append(created);
    return created;
  };
  const copy = button("Copy table", () => copyRows(rows(), copy));
  button("Save table", () => saveRows(rows(), `${box.dataset.saved}.csv`));
  box.after(tools);
});
