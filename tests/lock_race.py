"""Run as several processes: each tries to take the lock of every folder at the same moment, and says which it got.

Arguments: the folder of the folders, their number, the number of processes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from streetdeciles.errors import RunRefused
from streetdeciles.lock import locked


def meet(folder: Path, processes: int) -> None:
    """Return when this number of processes have come here: close together, since they wait without sleeping."""
    (folder / f"{sys.argv[4]}.ready").touch()
    deadline = time.monotonic() + 60
    while sum(1 for _ in folder.glob("*.ready")) < processes:
        if time.monotonic() > deadline:
            sys.exit("the others did not come")


if __name__ == "__main__":
    for number in range(int(sys.argv[2])):
        place = Path(sys.argv[1]) / f"{number:03d}"
        meet(place / "start", int(sys.argv[3]))
        try:
            with locked(str(place / "work")):
                print(number, flush=True)
                meet(place / "end", int(sys.argv[3]))  # nobody gives it back before all have tried
        except RunRefused:
            meet(place / "end", int(sys.argv[3]))
