"""Counts and seconds of a shard, which are added up over its parts and travel in files from worker to driver."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

SPENT = ("reading", "decoding", "computing")
"""What the seconds of a worker go to."""


@dataclass
class Tally:
    """What was done for one shard, or a part of it.

    >>> whole = Tally(images=2, features=2)
    >>> whole.add(Tally.from_json(Tally(images=1, rejects={"empty": 1}).to_json()))
    >>> whole.images, whole.features, whole.rejects
    (3, 2, {'empty': 1})
    """

    images: int = 0
    features: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    """By reason."""
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SPENT, 0.0))
    """By what they went to, summed over threads."""
    device_seconds: dict[str, float] = field(default_factory=dict)
    """Time on the clock in which the device computed, or waited for something, by what that was."""
    declined: int = 0
    """JPEGs that the GPU should have decoded, and the CPU did."""
    failure: str = ""
    """Why the shard could not be finished; its other figures and rows then mean nothing."""
    network: str = ""
    """Device, precision and batch size."""

    def reject(self, reason: str, n: int = 1) -> None:
        self.rejects[reason] = self.rejects.get(reason, 0) + n

    def spend(self, on: str, seconds: float) -> None:
        self.seconds[on] += seconds

    def add(self, other: Tally) -> None:
        """Add the counts and seconds of another part; a text stays as it is unless it is empty."""
        for entry in fields(self):
            setattr(self, entry.name, _sum(getattr(self, entry.name), getattr(other, entry.name)))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Tally:
        return cls(**json.loads(text))


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
    return one or other if isinstance(one, str) else one + other
