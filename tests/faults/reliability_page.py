"""The table in docs/reliability.md: one row per fault, written by the run that has made it happen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from streetdeciles.hardware import usable_cores
from streetdeciles.stages import STAGE_NAMES

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- begin: make soak -->", "<!-- end: make soak -->"
HEADINGS = ("fault", "struck in", "rounds", "ended by itself", "by one rerun", "tables equal", "seconds lost", "tried")


@dataclass(frozen=True)
class Round:
    """What a fault did to one run."""

    stage: str
    """In which it struck."""
    reruns: int
    equal: bool
    lost_s: float
    """More than an undisturbed run takes, with the rerun and what was computed again."""


def row(fault: str, rounds: list[Round]) -> str:
    """The fault's line of the table."""
    struck = Counter(one.stage for one in rounds)
    stages = ", ".join(f"{name} {struck[name]}" if struck[name] > 1 else name for name in STAGE_NAMES if struck[name])
    lost = sorted({round(max(0.0, one.lost_s)) for one in rounds})
    by_itself = sum(one.reruns == 0 for one in rounds)
    today = datetime.now(timezone.utc).date().isoformat()
    cells = (
        fault,
        stages,
        len(rounds),
        by_itself,
        sum(one.reruns == 1 for one in rounds),
        "yes" if all(one.equal for one in rounds) else f"no, in {sum(not one.equal for one in rounds)}",
        f"{lost[0]}" if len(lost) == 1 else f"{lost[0]} to {lost[-1]}",
        f"{today}, {usable_cores()} cores",
    )
    return _line(*map(str, cells))


def with_row(page: str, fault: str, line: str, faults: list[str]) -> str:
    """The page with the line in place of the fault's last one; rows are in the order of `faults`, others are left out.

    ValueError if the page has no place for the table.
    """
    before, begin, rest = page.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END}, with the table between them")
    lines = {one.split("|")[1].strip(): one for one in old.splitlines() if one.startswith("|")} | {fault: line}
    table = [_line(*HEADINGS), _line("---", "---", *["---:"] * 3, "---", "---:", "---")]
    table += [lines[name] for name in faults if name in lines]
    return f"{before}{BEGIN}\n\n" + "\n".join(table) + f"\n\n{END}{after}"


def write_row(fault: str, rounds: list[Round], faults: list[str]) -> None:
    PAGE.write_text(with_row(PAGE.read_text(encoding="utf-8"), fault, row(fault, rounds), faults), encoding="utf-8")


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
