"""Write docs/outcomes.md, the outcomes that published tables give, from the catalogue in `streetdeciles.outcomes`."""

from __future__ import annotations

from pathlib import Path

from streetdeciles.outcomes import OUTCOMES

PAGE = Path(__file__).with_name("outcomes.md")

HEAD = """# Outcomes of published tables

Written by `make config-doc` from `lib/streetdeciles/outcomes.py`; a test compares the two. Name those that are to be
predicted in `dataset.outcomes`. [data.md](data.md) says which table gives which, and how to use any other table.

Deciles are computed over the areas of each region: 1 is the most deprived, so of an outcome whose high values are
*worse* the highest values are in decile 1, and of the others the lowest.

| name | title | publication | value | high values are | unit |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole of docs/outcomes.md."""
    rows = [
        f"| `{name}` | {outcome.title} | {outcome.publication.name} | {outcome.formula} | {outcome.higher_is} "
        f"| {outcome.unit} |\n"
        for name, outcome in OUTCOMES.items()
    ]
    lines = dict.fromkeys(f"- {outcome.publication.attribution}\n" for outcome in OUTCOMES.values())
    return f"{HEAD}{''.join(rows)}\nLicences, which the report names:\n\n{''.join(lines)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
