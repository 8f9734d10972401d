"""Why a photograph has no features."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "missing",
    "archive_damaged",
    "empty",
    "not_an_image",
    "unsupported_format",
    "unsupported_mode",
    "too_large",
    "too_small",
    "too_costly",
    "truncated",
    "damaged",
    "crashed_worker",
    "not_a_panorama",
    "duplicate_picture",
]


class Rejected(Exception):
    """The photograph itself is at fault: it becomes a row of `rejects`, and the run goes on."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
