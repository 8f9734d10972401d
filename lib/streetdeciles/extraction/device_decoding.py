"""JPEGs whose pixels never leave the GPU: the engines decode them, and what the network needs is picked there."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from streetdeciles.backbones.backbone import Array
from streetdeciles.errors import reason
from streetdeciles.extraction.device_pictures import DevicePictures
from streetdeciles.extraction.gpu_decoding import EngineDecoder
from streetdeciles.extraction.memory import DecodingMemory

if TYPE_CHECKING:
    from streetdeciles.extraction.device_gather import DeviceGather

logger = logging.getLogger(__name__)

DEVICE_BYTES_PER_PIXEL = 10
"""What a pixel takes on the GPU while it is decoded and picked from; 3 of these stay there for the next pictures."""


class EngineJpeg(NamedTuple):
    """A file for the engines."""

    content: bytes
    size: tuple[int, int]
    """Width and height."""


class OnDevice(NamedTuple):
    """What the network needs of a photograph, with its pixels on the device."""

    place: tuple[Any, int]
    """uint8 [pictures, *pixels_shape] on the device, and the photograph's number in it."""
    weights: Array
    """float32 [*weights_shape]."""
    one_colour: bool
    """Whether all of its pixels are equal."""


class DeviceDecoder:
    """Decodes and picks in several threads; gives up for good if the GPU's memory or driver does not allow it.

    Args:
        memory: bounds the GPU memory that is taken at a time, as if it were this machine's. What is kept for the next
            pictures comes in addition: 3 bytes for each pixel of a thread's pictures, at most 96 MB a thread.
    """

    def __init__(self, engines: EngineDecoder, gather: DeviceGather, memory: DecodingMemory, threads: int) -> None:
        self._engines = engines
        self._gather = gather
        self._memory = memory
        # Of several sizes, each may have its own even where one thread decodes them in turn.
        self._idle: deque[DevicePictures] = deque(maxlen=max(threads, gather.max_sizes))
        self._lock = Lock()
        self._works = True

    def picked(self, jpegs: Mapping[int, EngineJpeg]) -> dict[int, OnDevice]:
        """What was picked on the device, by the JPEG's number; the other JPEGs must be decoded in another way."""
        picked: dict[int, OnDevice] = {}
        for size in {jpeg.size for jpeg in jpegs.values()}:
            contents = {i: jpeg.content for i, jpeg in jpegs.items() if jpeg.size == size}
            at_a_time = self._gather.pictures_at_a_time(size, len(contents)) if self._works else 0
            remaining = iter(contents.items())
            while at_a_time and self._works and (part := dict(islice(remaining, at_a_time))):
                picked |= self._attempt(part, size, DEVICE_BYTES_PER_PIXEL * at_a_time * size[0] * size[1])
        return picked

    def _attempt(self, contents: Mapping[int, bytes], size: tuple[int, int], n_bytes: int) -> dict[int, OnDevice]:
        try:
            with self._memory.lease() as reserve:
                reserve(n_bytes)
                return self._pick(contents, size)
        except Exception as error:  # JAX and nvImageCodec raise their own kinds
            self._works = False
            logger.warning("features: decoded photographs do not stay on the GPU from here on (%s)", reason(error))
            return {}

    def _pick(self, contents: Mapping[int, bytes], size: tuple[int, int]) -> dict[int, OnDevice]:
        pictures = self._pictures(size)
        decoded = zip(contents, pictures.decode([*contents.values()]), strict=True)
        arrays = {i: array for i, array in decoded if array is not None}
        picked = {}
        if arrays:
            pixels, weights, one_colour = self._gather.pick([*arrays.values()], size)
            picked = {i: OnDevice((pixels, n), weights, bool(one_colour[n])) for n, i in enumerate(arrays)}
        with self._lock:
            self._idle.append(pictures)  # nothing reads them any more; where there are too many, the oldest go
        return picked

    def _pictures(self, size: tuple[int, int]) -> DevicePictures:
        """Those of that size that no thread uses, or none yet."""
        with self._lock:
            for pictures in self._idle:
                if pictures.size == size:
                    self._idle.remove(pictures)
                    return pictures
        return DevicePictures(size, self._engines, self._gather.as_array)
