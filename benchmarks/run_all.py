"""Run every benchmark in this folder at its small default size: `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NOT_BENCHMARKS = {
    "charts.py",
    "gpu.py",
    "measure.py",
    "network_calls.py",
    "photographs.py",
    "run_all.py",
    "table.py",
    "torch_loop.py",
}


def benchmarks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.py") if path.name not in NOT_BENCHMARKS)


def main(folder: Path) -> int:
    """Run all benchmarks, even if some fail; the exit code is 1 if any failed."""
    failed = []
    for script in benchmarks(folder):
        print(f"== {script.name}", flush=True)
        if subprocess.run([sys.executable, str(script)], check=False).returncode:
            failed.append(script.name)
    if failed:
        print(f"error: {', '.join(failed)} failed; run `.venv/bin/python benchmarks/<name>` to run it alone")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent))
