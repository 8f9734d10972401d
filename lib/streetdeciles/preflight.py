"""What can be seen to be wrong before Spark starts: for `--dry-run`, and at the start of every run."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from streetdeciles.config import RunConfig


def preflight(config: RunConfig, stages: Iterable[str]) -> None:
    """Call `preflight(config)` of each of `stages` that has such a module.

    They take seconds and little memory however large the inputs are, so they look at headers and first rows only; what
    they pass may still be refused by the stage itself.

    Raises:
        RunRefused: one of the stages would end so.
    """
    for name in stages:
        module = f"streetdeciles.{name}.preflight"
        if find_spec(module) is not None:
            import_module(module).preflight(config)
