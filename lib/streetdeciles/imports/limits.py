"""Limits of imported features."""

SLICE_BYTES = 16 * 1024 * 1024
"""How much of the features is in memory at a time, as float32."""
