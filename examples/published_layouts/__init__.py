"""Invented areas, in files laid out as the statistics offices publish theirs, and small photographs of them."""
