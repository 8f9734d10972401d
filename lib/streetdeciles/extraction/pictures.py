"""What the network gets: the picked pixels of a batch of photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streetdeciles.backbones.backbone import Array
from streetdeciles.backbones.preprocessing import Preprocessing


@dataclass(frozen=True)
class Pictures:
    """Room for `n` photographs, and what `preprocess` picks of each of them."""

    preprocess: Preprocessing
    pixels: Array
    """uint8 [n, *preprocess.sampling.pixels_shape]."""
    weights: Array
    """float32 [n, *preprocess.sampling.weights_shape]."""
    on_device: dict[int, tuple[Any, int]] = field(default_factory=dict)
    """By slot, pixels that are on the network's device instead: an array like `pixels`, and the number in it."""

    @classmethod
    def empty(cls, n: int, preprocess: Preprocessing) -> Pictures:
        sampling = preprocess.sampling
        pixels = np.zeros((n, *sampling.pixels_shape), dtype=np.uint8)
        return cls(preprocess, pixels, np.zeros((n, *sampling.weights_shape), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice) -> Pictures:
        """Some of them; not a copy."""
        slots = range(*part.indices(len(self)))
        there = {at: self.on_device[slot] for at, slot in enumerate(slots) if slot in self.on_device}
        return Pictures(self.preprocess, self.pixels[part], self.weights[part], there)

    def pick(self, image: Array, slot: int) -> None:
        """Keep of RGB uint8 [height, width, 3] what the network needs."""
        self.preprocess.sampling.pick(image, self.pixels[slot], self.weights[slot])

    def leave(self, slot: int, place: tuple[Any, int], weights: Array) -> None:
        """Pixels of that slot are on the device, at `place`."""
        self.on_device[slot] = place
        self.weights[slot] = weights

    def copy(self, source: Pictures, slots: Sequence[int], at: int) -> None:
        """Copy those slots of `source`, which may be this one, to the slots from `at` on."""
        there = {to: source.on_device.get(slot) for to, slot in enumerate(slots, start=at)}
        if not any(there.values()):
            self.pixels[at : at + len(slots)] = source.pixels[slots]
        else:
            here = [to for to, place in there.items() if place is None]
            self.pixels[here] = source.pixels[[slots[to - at] for to in here]]
        self.weights[at : at + len(slots)] = source.weights[slots]
        for to, place in there.items():
            if place is None:
                self.on_device.pop(to, None)
            else:
                self.on_device[to] = place

    def clear(self, first: int) -> None:
        """Make the slots from `first` on black."""
        self.pixels[first:] = 0
        self.weights[first:] = 0
        for slot in [slot for slot in self.on_device if slot >= first]:
            del self.on_device[slot]

    def images(self) -> Array:
        """The network's input, float32 [n, size, size, 3], for networks that do not compute it on their device."""
        return self.preprocess.images(self.pixels, self.weights)
