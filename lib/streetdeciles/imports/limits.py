"""What imported features may be."""

MAX_VIEWS = 16
"""As in `images.views`."""

SLICE_BYTES = 16 * 1024 * 1024
"""Features that are in memory at a time, as float32."""
