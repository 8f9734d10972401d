"""Archives of photographs, read in place: nothing is ever unpacked to disk."""
