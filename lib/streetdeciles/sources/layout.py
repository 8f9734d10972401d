"""What a publisher's header says: where the areas and the outcomes of a table are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streetdeciles.outcomes import HigherIs


@dataclass(frozen=True)
class OutcomeColumns:
    """Headers of the columns that hold an outcome: the sum of `numerator`, divided by `denominator` if there is one."""

    numerator: tuple[str, ...]
    denominator: str | None = None
    national_decile: str | None = None
    """Header of the publisher's own decile, over the whole country."""
    higher_is: HigherIs | None = None
    """What high values mean; None: what the catalogue of outcomes says."""

    def __str__(self) -> str:
        """The columns as a message names them."""
        numerator = " + ".join(map(repr, self.numerator))
        return numerator if self.denominator is None else f"{numerator} / {self.denominator!r}"


@dataclass(frozen=True)
class Layout:
    """How a recognised table is read. Columns are named by their headers in that table."""

    publication: str
    """E.g. `English Indices of Deprivation 2019`."""
    area_id: str
    outcomes: Mapping[str, OutcomeColumns]
    area_name: str | None = None
    district_code: str | None = None
    district_name: str | None = None
    year: int | None = None
    """The census year whose areas the table has: LSOAs of 2011 or of 2021; None: not known."""
    n_ranks: int | None = None
    """The outcomes are ranks from 1 to this number; None: they are not ranks."""
    area_kind: tuple[str, str] | None = None
    """A column and its value in the rows of areas, where a table also has rows of other kinds."""
    area_prefixes: tuple[str, ...] = ()
    """How the codes of areas begin, where a table also has rows of other kinds."""
    has_labels: bool = False
    """Whether areas may be written as `E01000001 : Bury 001A` or `lsoa2011:Bury 001A`."""
    has_descriptions: bool = False
    """Whether the row below the header describes the columns."""
    is_windows_1252: bool = False
    """Whether the publisher's file is in that encoding where it is not UTF-8."""

    def columns(self) -> list[str]:
        """The headers of all columns that are read."""
        headers: list[str | None] = []
        for outcome in self.outcomes.values():
            headers += [*outcome.numerator, outcome.denominator, outcome.national_decile]
        kind = self.area_kind[0] if self.area_kind else None
        headers += [self.area_id, self.area_name, self.district_code, self.district_name, kind]
        return [*dict.fromkeys(column for column in headers if column)]


def plain(header: str) -> str:
    """The header for comparisons: small letters, single blanks, none before or after colons."""
    return re.sub(r"\s*:\s*", ": ", " ".join(header.casefold().split())).strip()


def find(header: Iterable[str], *patterns: str) -> str | None:
    """The first column whose `plain` header matches one of the patterns as a whole; earlier patterns go first."""
    columns = [(plain(column), column) for column in header]
    return next((column for pattern in patterns for text, column in columns if re.fullmatch(pattern, text)), None)


def year_in(header: str, pattern: str) -> int | None:
    """The year that the pattern's group holds in a header, of two or four digits."""
    match = re.fullmatch(pattern, plain(header))
    if not match or not match.groups() or not match.group(1):
        return None
    year = int(match.group(1))
    return year if year > 99 else 2000 + year


def present(columns: Mapping[str, OutcomeColumns | None]) -> dict[str, OutcomeColumns]:
    """Those outcomes whose columns the table has."""
    return {outcome: chosen for outcome, chosen in columns.items() if chosen is not None}


def share(header: Sequence[str], numerator: Sequence[Sequence[str]], *denominator: str) -> OutcomeColumns | None:
    """A share of columns found by patterns; None where one is missing.

    Each of `numerator` is a sum of columns, a pattern for each; the first with all its columns in the header is taken.
    """
    total = find(header, *denominator)
    if total is None:
        return None
    for patterns in numerator:
        headers = [find(header, pattern) for pattern in patterns]
        if all(headers):
            return OutcomeColumns(tuple(column for column in headers if column), total)
    return None
