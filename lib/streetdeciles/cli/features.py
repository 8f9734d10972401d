"""The options that only `streetdeciles features` has."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from streetdeciles import terminal
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.plans import why_skipped
from streetdeciles.stages import FEATURES_STAGE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--retry-rejects` and `--status`."""
    parser.add_argument(
        "--retry-rejects",
        dest="reopen",
        action="store_const",
        const=_retry_rejects,
        help="recompute the rejects whose files have changed",
    )
    parser.add_argument(
        "--status",
        dest="command",
        action="store_const",
        const=_status,
        help="show which shards are finished, failed or missing, even while a run is at work, and do nothing",
    )


def _retry_rejects(work_dir: str, before_change: Callable[[], None]) -> None:
    from streetdeciles.features.retry import retry_rejects

    retry_rejects(work_dir, before_change)


def _status(options: argparse.Namespace) -> int:
    from streetdeciles.features.status import extraction_status

    config = load_config(options.config, stages=())
    if config.replaced_stages:
        raise RunRefused(why_skipped(config, (FEATURES_STAGE,)))
    terminal.show_status(extraction_status(config.work_dir))
    return 0
