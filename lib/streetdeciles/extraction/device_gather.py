"""Photographs that a GPU has decoded stay there: the pixels that the network needs are picked on the device (JAX only).

Each size of photograph has a compiled program of its own, which takes a fixed number of pictures, so only sizes that
many photographs have get one. The pixels are the same that `Neighbours.pick` copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from threading import Lock
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import numpy as jnp

from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.sampling import Neighbours
from streetdeciles.extraction.device_pictures import is_on_gpu
from streetdeciles.extraction.pictures import Pictures

Size = tuple[int, int]
"""Width and height."""

MAX_PICTURES = 64
"""How many pictures are decoded and picked from at a time."""

MAX_PIXELS = 32_000_000
"""How many pixels these pictures may have together; of larger ones fewer are taken at a time."""

MAX_SIZES = 4
"""How many sizes get a program; compiling one takes seconds."""


class Picked(NamedTuple):
    """What the network needs of `n` pictures of one size."""

    pixels: Any
    """uint8 [pictures_at_a_time, *pixels_shape], on the device: the pictures, then padding."""
    weights: Array
    """float32 [*weights_shape], the same for all."""
    one_colour: Array
    """bool [n]: whether all pixels of a picture are equal."""


class DeviceGather:
    """Picks pixels on JAX's device, and puts batches together from them. Several threads may call it."""

    def __init__(self, sampling: Neighbours) -> None:
        self._sampling = sampling
        self._places: dict[Size, tuple[Any, Any, Array]] = {}
        self._compiled: set[Size] = set()
        self._lock = Lock()

    @property
    def max_sizes(self) -> int:
        """How many sizes of pictures it picks from."""
        return MAX_SIZES

    def pictures_at_a_time(self, size: Size, n: int) -> int:
        """How many pictures of that size `pick` takes; 0 if a program does not pay for the `n` that there are."""
        at_a_time = min(MAX_PICTURES, max(1, MAX_PIXELS // (size[0] * size[1])))
        with self._lock:
            if size not in self._places:
                if 2 * n < at_a_time or len(self._places) >= MAX_SIZES:
                    return 0
                rows, columns, weights = self._sampling.sources(size[1], size[0])
                self._places[size] = jnp.asarray(rows, np.int32), jnp.asarray(columns, np.int32), weights
        return at_a_time

    def as_array(self, image: Any) -> Any:
        """A decoder's picture as an array for `pick`: JAX's, without a copy, if it is on a GPU, and else NumPy's."""
        return jax.dlpack.from_dlpack(image) if is_on_gpu(image) else np.ascontiguousarray(image.cpu())

    def pick(self, pictures: Sequence[Any], size: Size) -> Picked:
        """Pick from 1 to `pictures_at_a_time` pictures, uint8 [height, width, 3].

        Waits until that is done: their memory may be used for others then.
        """
        rows, columns, weights = self._places[size]
        padding = self.pictures_at_a_time(size, len(pictures)) - len(pictures)
        # One thread compiles a size's program; those that need it meanwhile wait.
        with self._lock if size not in self._compiled else nullcontext():
            pixels, one_colour = _picked([*pictures, *([pictures[0]] * padding)], rows, columns)
            pixels.block_until_ready()
            flags = np.asarray(one_colour)[: len(pictures)]
            self._compiled.add(size)
        return Picked(pixels, weights, flags)

    def batch(self, pictures: Pictures) -> Any:
        """The pixels of a whole batch on the device, uint8 [n, *pixels_shape], wherever they are now."""
        pixels, on_device = pictures.pixels, pictures.on_device
        is_whole = len(on_device) == len(pixels)
        places = [on_device[slot] for slot in sorted(on_device)]
        sources = {id(source): source for source, _ in places}
        if sources and is_whole and _follow_each_other(places, [*sources.values()]):
            return _joined([*sources.values()])
        batch = jnp.zeros(pixels.shape, pixels.dtype) if is_whole else jax.device_put(pixels)
        # A picture that belongs to no slot gets a number of its own beyond the last slot, so that JAX drops it.
        slots = {key: np.arange(len(source), dtype=np.int32) + len(pixels) for key, source in sources.items()}
        for slot, (source, number) in on_device.items():
            slots[id(source)][number] = slot
        for key, source in sources.items():
            batch = _put(batch, source, slots[key])
        return batch


def _follow_each_other(places: Sequence[tuple[Any, int]], sources: Sequence[Any]) -> bool:
    """Whether the places are all of each source, one source after the other, and the sources are of one length.

    With others, each sequence of lengths would need a program of its own.
    """
    n = len(sources[0])
    in_order = [(id(source), number) for source in sources for number in range(n)]
    return [(id(source), number) for source, number in places] == in_order and all(len(each) == n for each in sources)


@jax.jit
def _joined(sources: list[Any]) -> Any:
    return jnp.concatenate(sources)


@jax.jit
def _picked(pictures: list[Any], rows: Any, columns: Any) -> tuple[Any, Any]:
    """A GPU copies a pixel of four bytes twice as fast as its three colours."""
    colours = jnp.stack(pictures).astype("uint32")
    words = colours[..., 0] | colours[..., 1] << 8 | colours[..., 2] << 16 | np.uint32(255 << 24)
    one_colour = (words == words[:, :1, :1]).all(axis=(1, 2))
    picked = words[:, rows][:, :, :, columns].transpose(0, 1, 3, 2, 4)
    return jax.lax.bitcast_convert_type(picked, jnp.uint8), one_colour


def _put_in_place(batch: Any, source: Any, slots: Any) -> Any:
    return batch.at[slots].set(source, mode="drop", unique_indices=True)


_put = jax.jit(_put_in_place, donate_argnums=0)
