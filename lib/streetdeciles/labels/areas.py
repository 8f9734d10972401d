"""The areas of all published tables together, and their deciles over their regions."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streetdeciles.config import LabelTable
from streetdeciles.errors import RunRefused
from streetdeciles.geography.districts import named_district
from streetdeciles.labels.deciles import SMALLEST_REGION, deciles
from streetdeciles.outcomes import OUTCOMES, HigherIs
from streetdeciles.sources.lookups import Lookups
from streetdeciles.sources.opening import SourceTable, open_source
from streetdeciles.sources.reading import AREA_COLUMNS, NATIONAL, read_source
from streetdeciles.tables import training_set_columns

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Areas:
    """One row per area of any table: index area_id; area_name, district_code, district_name (None: not known).

    With look-ups also region_code. One float64 column per outcome; `<outcome>_national_decile` where it is published.
    """

    frame: pd.DataFrame
    unfit: dict[str, str]
    """Outcomes that are not among the columns, because a value is not as published, and why."""
    notes: tuple[str, ...]


def open_tables(sections: Sequence[LabelTable]) -> list[SourceTable]:
    """The tables of the config; RunRefused where their areas are not of the same census year."""
    sources = [open_source(section) for section in sections]
    by_year = {source.layout.year: source for source in sources if source.layout.year}
    if len(by_year) > 1:
        listed = " and ".join(f"{source.path} (LSOAs of {year})" for year, source in sorted(by_year.items()))
        raise RunRefused(
            f"labels.tables: {listed} have different areas, and values cannot be moved from one to the other; use "
            "tables of the same year"
        )
    return sources


class KnownOutcome(NamedTuple):
    """An outcome that a table gives."""

    higher_is: HigherIs
    source: str = ""
    """The table and its columns, for messages."""


def known_outcomes(sources: Sequence[SourceTable], asked: Collection[str]) -> dict[str, KnownOutcome]:
    """Every outcome that the tables give.

    RunRefused where two of them give the same one of `asked`, or none gives one of these.
    """
    known: dict[str, KnownOutcome] = {}
    path_of: dict[str, str] = {}
    for source in sources:
        for outcome, columns in source.layout.outcomes.items():
            if outcome in known and outcome in asked:
                raise RunRefused(
                    f"labels.tables: outcome {outcome} is in both {path_of[outcome]} and {source.path}; "
                    "leave one of them out"
                )
            if outcome in training_set_columns(()):
                raise RunRefused(f"{source.path}: {outcome} cannot be the name of an outcome; choose another one")
            higher_is = columns.higher_is or OUTCOMES[outcome].higher_is
            known.setdefault(outcome, KnownOutcome(higher_is, f"{source.path}, column {columns}"))
            path_of.setdefault(outcome, source.path)
    for outcome in asked:
        if outcome not in known:
            near = difflib.get_close_matches(outcome, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise RunRefused(
                f"dataset.outcomes: none of labels.tables has the outcome {outcome!r}; {hint}known: {', '.join(known)}"
            )
    return known


def tables_year(sources: Sequence[SourceTable]) -> int | None:
    """The census year of the tables' areas; None where no table says it."""
    return next((source.layout.year for source in sources if source.layout.year), None)


def read_areas(
    sources: Sequence[SourceTable],
    asked: Collection[str],
    lookups: Lookups | None = None,
    names: Mapping[str, str] | None = None,
) -> Areas:
    """The areas of all tables; RunRefused where one of the outcomes `asked` is not as published.

    Where tables differ about an area's name or district, or give the same outcome, the first of them holds. What none
    of them says of an area comes from the look-ups, and its name from `names`, those of the boundaries by area_id.
    """
    frame: pd.DataFrame | None = None
    unfit: dict[str, str] = {}
    notes: list[str] = []
    for source in sources:
        table = read_source(source)
        unfit |= table.unfit
        notes += table.notes
        areas = table.areas.set_index("area_id")
        frame = areas if frame is None else frame.combine_first(areas)
    assert frame is not None
    unfit = {outcome: why for outcome, why in unfit.items() if outcome not in frame}
    for outcome in asked:
        if outcome in unfit:
            raise RunRefused(unfit[outcome])
    outcomes = [outcome for outcome in known_outcomes(sources, asked) if outcome in frame]
    national = [outcome + NATIONAL for outcome in outcomes if outcome + NATIONAL in frame]
    frame = frame[[*AREA_COLUMNS[1:], *outcomes, *national]].sort_index()
    if lookups is not None:
        frame = frame.combine_first(lookups.areas.reindex(frame.index).drop(columns="msoa"))
    if names:
        known = frame["area_name"]
        drawn = frame.index.to_series().map({code: name for code, name in names.items() if name}).astype(object)
        frame["area_name"] = known.where(known.notna(), drawn)
    return Areas(_with_districts(frame), unfit, tuple(notes))


def label_areas(
    areas: pd.DataFrame, region_of: pd.Series, outcomes: Mapping[str, KnownOutcome], asked: Collection[str]
) -> pd.DataFrame:
    """The areas of the regions: index area_id; region, and by outcome `<outcome>_value`, `<outcome>_decile` and
    `<outcome>_national_decile` (float64, NaN: none).

    `region_of` gives the region of each area_id that is in one. Where the values of a region do not make deciles
    RunRefused is raised for an outcome of `asked`, and any other keeps its values without deciles.
    """
    import pandas as pd

    columns: dict[str, pd.Series] = {"region": region_of}
    inside = areas.loc[region_of.index]
    regions = {str(region): members.index for region, members in inside.groupby(region_of)}
    for region, members in regions.items():
        if len(members) < SMALLEST_REGION:
            raise RunRefused(
                f"labels.regions.{region}: has {len(members)} area(s); deciles need at least {SMALLEST_REGION}, "
                "so add districts"
            )
    for outcome, known in outcomes.items():
        by_region = [
            _deciles(inside.loc[members, outcome], known, outcome, region, is_asked=outcome in asked)
            for region, members in regions.items()
        ]
        columns[f"{outcome}_value"] = inside[outcome]
        columns[f"{outcome}_decile"] = pd.concat(by_region).reindex(region_of.index)
        national = outcome + NATIONAL
        columns[national] = inside[national] if national in inside else pd.Series(float("nan"), index=region_of.index)
    return pd.DataFrame(columns)


def _deciles(values: pd.Series, known: KnownOutcome, outcome: str, region: str, *, is_asked: bool) -> pd.Series:
    import pandas as pd

    try:
        return deciles(values, higher_is=known.higher_is, outcome=outcome, region=region)
    except RunRefused as error:
        if is_asked:
            raise RunRefused(f"{known.source}: {error}" if known.source else error) from error
        return pd.Series(float("nan"), index=values.index)


def _with_districts(frame: pd.DataFrame) -> pd.DataFrame:
    """The areas, with the districts after which they are named where nothing else says their district."""
    unknown = frame["district_code"].isna() & frame["district_name"].isna() & frame["area_name"].notna()
    frame.loc[unknown, "district_name"] = [named_district(name) for name in frame.loc[unknown, "area_name"]]
    both = frame.loc[frame["district_code"].notna() & frame["district_name"].notna()]
    code_of = both.drop_duplicates("district_name").set_index("district_name")["district_code"]
    code = frame["district_code"]
    frame["district_code"] = code.where(code.notna(), frame["district_name"].map(code_of).astype(object))
    return frame
