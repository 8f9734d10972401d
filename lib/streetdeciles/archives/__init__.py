"""Archives of photographs, read where they lie: nothing of them is ever unpacked to disk."""
