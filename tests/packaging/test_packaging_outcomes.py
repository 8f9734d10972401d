"""docs/outcomes.md holds the catalogue of outcomes, and every outcome is one that some source gives."""

from __future__ import annotations

import runpy

from paths import DOCS
from source_headers import HEADERS
from streetdeciles.outcomes import OUTCOMES
from streetdeciles.sources.registry import recognise

REFERENCE = runpy.run_path(str(DOCS / "outcomes_reference.py"))


def test_outcomes_page_is_up_to_date() -> None:
    assert (DOCS / "outcomes.md").read_text(encoding="utf-8") == REFERENCE["page"](), "write it again: make config-doc"


def test_every_outcome_is_given_by_a_published_header() -> None:
    layouts = [recognise(header) for header in HEADERS.values()]
    assert {outcome for layout in layouts if layout for outcome in layout.outcomes} == {*OUTCOMES}
