"""The one spelling of an id or code, whichever file, archive or table it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    import pyarrow as pa

SPACES = "\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""Between words each of them means a plain space; written as in a regular expression."""

BLANKS = "".join(
    map(
        chr,
        (
            *range(0x09, 0x0E),
            *range(0x1C, 0x21),
            *(0x85, 0xA0, 0xAD, 0x061C, 0x1680, 0x180E),
            *range(0x2000, 0x2010),
            *range(0x2028, 0x2030),
            *range(0x205F, 0x2070),
            *(0x3000, 0xFEFF),
        ),
    )
)
"""White space and what nobody sees: zero-width spaces, marks of direction, soft hyphens, byte order marks."""


def normalise_ids(ids: pa.Array) -> pa.Array:
    """Strings in Unicode's composed form (NFC), without blanks around them and with plain spaces within; null stays."""
    import pyarrow.compute as pc

    spaced = pc.replace_substring_regex(compose(ids), pattern=f"[{SPACES}]", replacement=" ")
    return pc.utf8_trim(spaced, characters=BLANKS)


def normalise_codes(codes: pa.Array) -> pa.Array:
    """`normalise_ids`, in upper case: codes of areas and districts."""
    import pyarrow.compute as pc

    # Some letters have an upper case that is two characters, which compose again.
    return compose(pc.utf8_upper(normalise_ids(codes)))


def compose(texts: pa.Array) -> pa.Array:
    """NFC. Arrow 14's own `utf8_normalize` leaves accents apart under that name, so Python does what is not ASCII."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_other = pc.fill_null(pc.invert(pc.string_is_ascii(texts)), False)
    composed = [normalize("NFC", text) for text in texts.filter(is_other).to_pylist()]
    return pc.replace_with_mask(texts, is_other, pa.array(composed, texts.type)) if composed else texts


def normalise_views(names: pa.Array) -> pa.Array:
    """`normalise_ids`, in lower case; whole numbers as 90, not 090 or 90.0."""
    import pyarrow.compute as pc

    lower = compose(pc.utf8_lower(normalise_ids(names)))
    return pc.replace_substring_regex(lower, pattern=r"^0*([0-9]+)([.]0+)?$", replacement=r"\1")


def normalise_list(texts: Sequence[str], *, upper: bool = False) -> list[str]:
    """`normalise_ids`, or with `upper` `normalise_codes`, of a few texts."""
    import pyarrow as pa

    array = pa.array(texts, pa.string())
    normal: list[str] = (normalise_codes if upper else normalise_ids)(array).to_pylist()
    return normal


def normalise_columns(
    batches: Iterable[pa.RecordBatch], *, ids: Sequence[str] = (), codes: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The batches with their string columns `ids` and `codes` normalised."""
    import pyarrow as pa

    for batch in batches:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns |= {name: normalise_ids(columns[name]) for name in ids}
        columns |= {name: normalise_codes(columns[name]) for name in codes}
        yield pa.RecordBatch.from_arrays([*columns.values()], schema=batch.schema)
