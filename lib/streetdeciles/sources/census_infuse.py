"""Census 2011 as downloaded from InFuse (UK Data Service; ONS, Open Government Licence v3.0).

Two header lines, the second of which describes the columns, and often a comma at the end of each line.
"""

from __future__ import annotations

from collections.abc import Sequence

from streetdeciles.sources.layout import Layout, find, present, share


def recognise(header: Sequence[str]) -> Layout | None:
    """The layout of an InFuse download; None where the header is not that of one."""
    area_id, kind = find(header, "geo_code"), find(header, "geo_typ2")
    if area_id is None or find(header, "cdu_id") is None:
        return None
    shares = {
        "health_self_reported": share(header, [("f1777", "f1782")], "f1778"),
        "overcrowding": share(header, [("f2375",)], "f2376"),
        "unemployment": share(header, [("f1399",)], "f1391"),
        "education_below_level2": share(header, [("f187", "f188")], "f186"),
    }
    return Layout(
        publication="Census 2011 (InFuse)",
        area_id=area_id,
        outcomes=present(shares),
        area_name=find(header, "geo_label"),
        year=2011,
        area_kind=(kind, "LSOADZ") if kind else None,
        area_prefixes=() if kind else ("E01", "W01", "S01", "95"),
        has_descriptions=True,
    )
