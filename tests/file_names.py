"""Names that a file system allows, with a liking for what libraries read as a syntax of their own."""

from __future__ import annotations

from hypothesis import strategies as st

SIGNS = "[]{}*?:#%\\;& '\"~=,@!$\n"

FILE_NAMES = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="/\0") | st.sampled_from(SIGNS),
    min_size=1,
    max_size=20,
).filter(lambda name: name not in (".", ".."))
"""At most 80 bytes of UTF-8."""

ODD_NAMES = (
    "in [2019] {v2}",
    "run 12:30:00",
    "a*b?",
    "back\\slash",
    "per%20cent",
    "a::b",
    "zip:",
    "s3:",
    "memory:x",
    "a#b?c;d",
    "~",
    "new\nline",
    "\u00fcml\u00e4ut \u65e5\u672c",
    "[",
    "{",
)
"""One for each library that a path reaches."""
