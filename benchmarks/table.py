"""Print the newest result of each benchmark and refresh the table in docs/performance.md: `make bench-table`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from measure import RESULTS, read_results

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN = "<!-- begin: make bench-table -->"
END = "<!-- end: make bench-table -->"
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


def refreshed(page: str, table: str) -> str:
    """`page` with the table between the two marks; ValueError if a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END}, with the table between them")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def main(folder: Path, page: Path) -> int:
    results = newest(folder)
    if not results:
        print(f"error: no results in {folder}; run `make bench` first", file=sys.stderr)
        return 1
    table = markdown(results)
    print(table)
    try:
        page.write_text(refreshed(page.read_text(encoding="utf-8"), table), encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"error: {page}: {error}", file=sys.stderr)
        return 1
    return 0


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(RESULTS, PAGE))
