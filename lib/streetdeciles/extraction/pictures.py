"""The network's input before it is blended: the picked pixels of a batch of photographs."""

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
        on_device = {at: self.on_device[slot] for at, slot in enumerate(slots) if slot in self.on_device}
        return Pictures(self.preprocess, self.pixels[part], self.weights[part], on_device)

    def pick(self, image: Array, slot: int) -> None:
        """Put into the slot what the network needs of RGB uint8 [height, width, 3]."""
        self.preprocess.sampling.pick(image, self.pixels[slot], self.weights[slot])

    def leave_on_device(self, slot: int, place: tuple[Any, int], weights: Array) -> None:
        """Let the slot have the pixels at `place`, an array on the device and a number in it."""
        self.on_device[slot] = place
        self.weights[slot] = weights

    def copy(self, source: Pictures, slots: Sequence[int], at: int) -> None:
        """Copy those slots of `source`, which may be this one, to the slots from `at` on."""
        places = {to: source.on_device.get(slot) for to, slot in enumerate(slots, start=at)}
        if not any(places.values()):
            self.pixels[at : at + len(slots)] = source.pixels[slots]
        else:
            in_memory = [to for to, place in places.items() if place is None]
            self.pixels[in_memory] = source.pixels[[slots[to - at] for to in in_memory]]
        self.weights[at : at + len(slots)] = source.weights[slots]
        for to, place in places.items():
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
