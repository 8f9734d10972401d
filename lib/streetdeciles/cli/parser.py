"""The parser of the command line: what it says of arguments that it does not understand holds no secrets."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from streetdeciles.shown import HIDDEN, is_secret, shown


class Parser(argparse.ArgumentParser):
    """argparse's, which repeats arguments in its errors: someone may have taken a setting of Spark's for an option."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(_without_secrets(unknown))}")
        return options

    def error(self, message: str) -> NoReturn:
        super().error(shown(message))


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    """`--secret.key=x`, or `--secret.key` and all that follows up to the next option."""
    is_value = False
    for argument in arguments:
        key, separator, _ = argument.partition("=")
        if argument.startswith("--"):
            is_value = not separator and is_secret(key)
            yield f"{key}={HIDDEN}" if separator and is_secret(key) else argument
        else:
            yield HIDDEN if is_value else argument
