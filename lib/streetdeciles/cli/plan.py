"""`streetdeciles plan`."""

from __future__ import annotations

import argparse
from typing import Any

from streetdeciles.cli.options import add_config, add_debug
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.terminal import say, show_table
from streetdeciles.wording import counted

MAX_COUNT = 10**12
"""Of photographs, of GPUs and of what an hour costs: more is a slip, and no longer a number to multiply."""


def add_command(commands: Any) -> None:
    """Add `plan` to the subparsers `commands`."""
    about = "estimate time, storage, shuffle, memory and price of a large run from a finished small one"
    command = commands.add_parser(
        "plan",
        help=about,
        description=f"{about[0].upper()}{about[1:]}: the config is that of the small run.",
        epilog="example:\n  streetdeciles plan --config small.yaml --photographs 6000000 --gpus 8 --hourly-price 12\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(command)
    command.add_argument("--photographs", type=int, required=True, metavar="N", help="photographs of the large run")
    command.add_argument(
        "--gpus", type=int, default=1, metavar="N", help="tasks that extract at a time, on devices like the small run's"
    )
    command.add_argument(
        "--hourly-price", type=float, metavar="X", help="price of the whole cluster per hour, in any currency"
    )
    add_debug(command)
    command.set_defaults(command=_plan)


def _plan(options: argparse.Namespace) -> int:
    from streetdeciles.forecast import forecast

    if not (1 <= options.photographs <= MAX_COUNT and 1 <= options.gpus <= MAX_COUNT):
        raise RunRefused(f"plan: --photographs and --gpus must be from 1 to {MAX_COUNT:,}")
    price = options.hourly_price
    if price is not None and not 0 <= price <= MAX_COUNT:
        raise RunRefused(f"plan: --hourly-price must be a number from 0 to {MAX_COUNT:,}")
    large = forecast(load_config(options.config, stages=()), options.photographs, options.gpus)
    rows = [(stage.stage, f"{stage.seconds / 3600:,.2f}", f"{stage.n_bytes / 1e9:,.2f}") for stage in large.stages]
    rows.append(("all", f"{large.hours:,.2f}", f"{large.n_bytes / 1e9:,.2f}"))
    size = f"{counted(large.photographs, 'photograph')} in {counted(large.shards, 'shard')}"
    say(f"{size}, from a run of {large.small:,}")
    show_table(("stage", "hours", "GB"), rows, title="", numbers=2)
    devices = counted(options.gpus, "such device works", "such devices work")
    say(f"one device computed {large.images_per_s:,.1f} features/s in that run; here {devices}")
    say(f"shuffle: {large.shuffle_bytes / 1e9:,.2f} GB in the stage dataset, over the disks of all executors")
    heap, overhead = large.task_memory_gb
    say(
        f"memory: {heap} GB of heap and {overhead} GB of overhead for each task of the stage features that an executor "
        f"runs at a time; {large.driver_memory_gb} GB for the driver (other stages: deploy/README.md, Sizes)"
    )
    if price is not None:
        say(f"price: {large.hours * price:,.2f} at {price:,.2f} an hour")
    if large.photographs > 100 * large.small:
        say("more than a hundred times as large: plan again from a larger run before you pay for it")
    return 0
