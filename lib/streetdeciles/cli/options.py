"""Options that several commands have."""

from __future__ import annotations

import argparse


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config`, which is required."""
    parser.add_argument("--config", required=True, metavar="FILE", help="the run's YAML file, e.g. conf/demo.yaml")


def add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="log every detail, and the full trace of an error")
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="json: one object per line, with the run's id"
    )
