"""Decoded pictures of one size, whose memory is used again, and JAX's arrays over that memory.

An array over a picture on a GPU takes a third of the time in which an engine decodes the picture, and all of it with
the interpreter's lock held, so arrays are kept as long as the pictures are where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_CPU = 1
"""DLPack's number of the machine's own memory."""


class DevicePictures:
    """The pictures that a decoder has made last. Not for several threads at a time.

    Args:
        size: width and height.
        as_array: makes an array of a picture, over its memory if it can.
    """

    def __init__(self, size: tuple[int, int], as_array: Callable[[Any], Any]) -> None:
        self.size = size
        self._as_array = as_array
        self._images: list[Any] = []
        self._arrays: dict[int, Any] = {}
        """By address."""

    def to_overwrite(self, n: int) -> list[Any] | None:
        """`n` of its images for the decoder to use again; None if there are not so many."""
        return self._images[:n] if len(self._images) >= n else None

    def arrays(self, images: Sequence[Any | None]) -> list[Any | None]:
        """uint8 [height, width, 3] of each image that the decoder has made now; None for those not of this size."""
        shape = (*self.size[::-1], 3)
        made = {i: image for i, image in enumerate(images) if image is not None and tuple(image.shape) == shape}
        if len(made) > len(self._images) or len(self._arrays) > len(self._images):
            self._images = [*made.values()]
            self._arrays.clear()
        # The first is imported again each time: JAX then waits until the decoder has finished what it was asked for
        # until now, that is, all of them.
        arrays = {i: self._array(image, is_kept=n > 0) for n, (i, image) in enumerate(made.items())}
        return [arrays.get(i) for i in range(len(images))]

    def _array(self, image: Any, *, is_kept: bool) -> Any:
        address = _address(image)
        if is_kept and address in self._arrays:
            return self._arrays[address]
        array = self._as_array(image)
        if _address(array) == address:  # else it is a copy
            self._arrays[address] = array
        return array


def _address(pixels: Any) -> int:
    """Where the memory of an image or an array begins."""
    interface = pixels.__cuda_array_interface__ if is_on_gpu(pixels) else pixels.__array_interface__
    return int(interface["data"][0])


def is_on_gpu(pixels: Any) -> bool:
    """Whether the memory of an image or an array is a GPU's."""
    return bool(pixels.__dlpack_device__()[0] != _CPU)
