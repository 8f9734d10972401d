"""Options that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path

from streetdeciles import storage
from streetdeciles.shown import shown


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config`, which is required."""
    parser.add_argument("--config", required=True, metavar="FILE", help="the run's YAML file, e.g. conf/demo.yaml")


def add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="log every detail, and the full trace of an error")
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="json: one object per line, with the run's id"
    )


def path_here(text: str) -> Path:
    """The type of an option that is a path on this machine; Databricks' `dbfs:/Volumes/…` and `file:/…` are some."""
    if not storage.is_local(text):
        raise argparse.ArgumentTypeError(f"{shown(text)}: expected a path on this machine; copy files to a store later")
    return Path(storage.local_path(text) if storage.is_uri(text) else text)
