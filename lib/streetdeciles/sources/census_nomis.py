"""Census 2011 and 2021 as Nomis publishes them (ONS, Open Government Licence v3.0).

In bulk headers end in `; measures: Value`, ` measures: value` or neither, and their case varies, so both are ignored.
The download of a query has lines of titles above its header, no topic in the header, and areas as
`E01000001 : City of London 001A`, or their codes in a column `mnemonic`. So have bulk files with coded columns
(`GeographyCode,QS302EW0001,…`), once `coded_columns` has described them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streetdeciles.sources.layout import Layout, OutcomeColumns, find, plain, present, share

LSOA_PREFIXES = ("E01", "W01")
"""How the codes of LSOAs begin; those of output areas, MSOAs and districts begin otherwise."""

_MEASURES = re.compile(r"^(sex: all persons; )?(.*?)(;? ?measures: value)?$")
_AREAS = r"(20\d\d )?super output areas? - lower layer( 20\d\d)?|(20\d\d )?lower layer super output areas?|areas?"
_QUALIFICATION = r"((highest level of qualification|qualifications?(: highest level of qualification)?): )?"


def recognise(header: Sequence[str]) -> Layout | None:
    """The layout of a download; None where the header is not that of one."""
    code, label = find(header, "geography ?code", "mnemonic"), find(header, _AREAS)
    area_id = code or (label if len(header) > 1 else None)
    if area_id is None:
        return None
    columns = {_MEASURES.sub(r"\2", plain(column)): column for column in header}
    shares = {
        "health_self_reported": _health(columns),
        "overcrowding": _overcrowding(columns, "rooms"),
        "overcrowding_bedrooms": _overcrowding(columns, "bedrooms"),
        "unemployment": _unemployment(columns),
        "education_below_level2": _education(columns),
    }
    if code is None and not present(shares):
        return None
    years = re.findall(r"20[12]1", label or "")
    # In 2011 totals were `All categories: …`.
    is_2021 = find(columns, r"total: .*", r"(?!economically active)[^:]*: total(: [^:]*)?") is not None
    year = int(years[0]) if years else 2021 if is_2021 else 2011
    return Layout(
        publication=f"Census {year} (Nomis)",
        area_id=area_id,
        outcomes={name: _with_headers(texts, columns) for name, texts in present(shares).items()},
        area_name=find(header, "geography") or label,
        has_labels=label is not None,
        year=year,
        area_prefixes=LSOA_PREFIXES,
    )


def _with_headers(texts: OutcomeColumns, columns: dict[str, str]) -> OutcomeColumns:
    return OutcomeColumns(
        tuple(columns[text] for text in texts.numerator), columns[texts.denominator] if texts.denominator else None
    )


def _health(columns: dict[str, str]) -> OutcomeColumns | None:
    """QS302EW, TS037."""
    return share(
        [*columns],
        [("(general health: )?bad health", "(general health: )?very bad health")],
        "(general health: )?all categories: general health",
        r"(general health: )?total(: all usual residents)?",
    )


def _overcrowding(columns: dict[str, str], what: str) -> OutcomeColumns | None:
    """QS408EW, QS412EW, KS403EW (whose topic is central heating), TS052, TS053."""
    rating = rf"(.*: )?occupancy rating (\({what}\) of|of {what}:)"
    return share(
        [*columns],
        [(f"{rating} -1 or less",), (f"{rating} -1", f"{rating} -2 or less")],
        rf"(.*: )?all categories: occupancy rating \(?{what}\)?",
        r"(.*: )?all categories: type of central heating in household",
        rf"(occupancy rating for {what}: )?total(: all households)?",
    )


def _unemployment(columns: dict[str, str]) -> OutcomeColumns | None:
    """QS601EW, KS601EW, TS066; full-time students are not counted among the unemployed."""
    students = r"( \(excluding full-time students\))?"
    return share(
        [*columns],
        [(rf"(economic activity( status)?: )?economically active{students}: unemployed{students}",)],
        "(economic activity: )?all categories: economic activity",
        "(economic activity: )?all usual residents aged 16 to 74",
        r"(economic activity status: )?total(: all usual residents.*)?",
    )


def _education(columns: dict[str, str]) -> OutcomeColumns | None:
    """QS501EW, KS501EW, TS067."""
    return share(
        [*columns],
        [
            (
                rf"{_QUALIFICATION}no qualifications",
                rf"{_QUALIFICATION}level 1( and entry level)? qualifications",
            )
        ],
        r"(qualifications?: )?all categories: highest level of qualification",
        r"(highest level of qualification: )?total(: all usual residents.*)?",
    )
