"""Decoded pictures of one size, whose memory is used again, and JAX's arrays over that memory.

An array over a picture on a GPU takes as long as the engine's decoding, and all of it with the interpreter's lock
held, so arrays are kept as long as the pictures are where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streetdeciles.extraction.gpu_decoding import EngineDecoder

_CPU = 1
"""DLPack's number of the machine's own memory."""


class DevicePictures:
    """The memory of the largest number of pictures that were decoded at a time. Not for several threads at once.

    Args:
        size: width and height of the pictures.
        as_array: makes an array of a decoder's image, over its memory if it can.
    """

    def __init__(self, size: tuple[int, int], engines: EngineDecoder, as_array: Callable[[Any], Any]) -> None:
        self.size = size
        self._engines = engines
        self._as_array = as_array
        self._images: list[Any] = []
        self._arrays: dict[int, Any] = {}
        """By address."""

    def decode(self, files: Sequence[bytes]) -> list[Any | None]:
        """uint8 [height, width, 3] of each file; None for those that the decoder declines, or that have another size.

        The arrays are those of the last call, with new pixels.
        """
        shape = (*self.size[::-1], 3)
        known = self._images[: len(files)]
        new = self._engines.images(files[len(known) :])
        images = [*self._engines.images(files[: len(known)], over=known), *new]
        self._images += [image for image in new if image is not None]
        if len(self._arrays) > len(self._images):  # the decoder has moved some
            self._arrays.clear()
        made = {i: image for i, image in enumerate(images) if image is not None and tuple(image.shape) == shape}
        # The first is imported again each time: JAX then waits until the decoder has finished what it was asked for
        # until now, that is, all of them.
        arrays = {i: self._array(image, is_kept=n > 0) for n, (i, image) in enumerate(made.items())}
        return [arrays.get(i) for i in range(len(files))]

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
