"""Print the newest result of each benchmark; refresh table and charts in docs/performance.md: `make bench-table`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from charts import charts
from measure import RESULTS, read_results

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN = "<!-- begin: make bench-table -->"
END = "<!-- end: make bench-table -->"
BEGIN_CHARTS = "<!-- begin: charts by make bench-table -->"
END_CHARTS = "<!-- end: charts by make bench-table -->"
HEADINGS = ("benchmark", "ours", "other", "ratio", "unit", "the other is", "runs", "machine")


def newest(folder: Path) -> list[dict[str, Any]]:
    """The last result of each benchmark, unit, other side and machine, in the order of the files."""
    last: dict[tuple[str, ...], dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        for result in read_results(path):
            last[result["name"], result["unit"], result["other_is"], result["machine"]] = result
    return list(last.values())


def markdown(results: list[dict[str, Any]]) -> str:
    lines = [_row(HEADINGS), _row(["---", *["---:"] * 3, "---", "---", "---:", "---"])]
    for result in results:
        keys = ("name", "ours", "other", "ratio", "unit", "other_is", "runs", "machine")
        lines.append(_row([str(result[key]).replace("|", "\\|") for key in keys]))
    return "\n".join(lines)


def refreshed(page: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """`page` with `text` between the two marks; ValueError if a mark is missing."""
    before, first, rest = page.partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise ValueError(f"expected the lines {begin} and {end}, with the table or charts between them")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def main(folder: Path, page: Path) -> int:
    results = newest(folder)
    if not results:
        print(f"error: no results in {folder}; run `make bench` first", file=sys.stderr)
        return 1
    table = markdown(results)
    print(table)
    try:
        text = refreshed(page.read_text(encoding="utf-8"), table)
        page.write_text(refreshed(text, charts(results), BEGIN_CHARTS, END_CHARTS), encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"error: {page}: {error}", file=sys.stderr)
        return 1
    return 0


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(RESULTS, PAGE))
