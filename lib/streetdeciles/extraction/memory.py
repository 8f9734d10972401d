"""How much memory the photographs that are being decoded may take together, over all threads of a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

BYTES_PER_PIXEL = {"JPEG": 16, "MPO": 16}
"""At the peak of decoding, measured: Pillow's picture, its copies while it is converted and turned, the array."""
OTHER_BYTES_PER_PIXEL = 28
"""That of the most expensive format, WebP with alpha."""

BYTES_PER_THREAD = 192 * 1024 * 1024
"""With this for each thread, a JPEG of 12 megapixels, threads rarely wait for each other."""


class DecodingMemory:
    """A budget of bytes: one photograph of the largest allowed size always passes, alone if it must."""

    def __init__(self, max_pixels: int, threads: int) -> None:
        self._free = max(OTHER_BYTES_PER_PIXEL * max_pixels, BYTES_PER_THREAD * threads)
        self._budget = self._free
        self._changed = Condition()

    @contextmanager
    def lease(self) -> Iterator[Callable[[int], None]]:
        """Gives a function that waits until that many bytes are free and takes them until the context ends.

        Call it only once in a lease: a thread that holds a part and waits for more could wait for ever.
        """
        leased = 0

        def reserve(n_bytes: int) -> None:
            nonlocal leased
            n_bytes = min(n_bytes, self._budget)
            with self._changed:
                self._changed.wait_for(lambda: self._free >= n_bytes)
                self._free -= n_bytes
            leased = n_bytes

        try:
            yield reserve
        finally:
            with self._changed:
                self._free += leased
                self._changed.notify_all()


def decoding_bytes(kind: str, n_pixels: int) -> int:
    """The memory that decoding a picture takes; `kind` is Pillow's name of its format."""
    return BYTES_PER_PIXEL.get(kind, OTHER_BYTES_PER_PIXEL) * n_pixels
