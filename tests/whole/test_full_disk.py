"""A disk that fills up during a run: one line that names it, and the same command goes on when there is room."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from same_results import assert_same_results
from small_run import SmallRun

pytestmark = pytest.mark.whole

SIZE_MB = 24


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of SIZE_MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs to mount a tmpfs, which is not permitted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, *, free_kb: int) -> Path:
    """A file that leaves this much of the disk free."""
    path = folder / "filler"
    path.write_bytes(bytes(shutil.disk_usage(folder).free - free_kb * 1024))
    return path


def check_full(small_run: SmallRun, capsys: pytest.CaptureFixture[str], *command: str) -> None:
    capsys.readouterr()
    assert small_run.main(*command) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
    (line,) = [line for line in errors if "INFO" not in line and not line[:1].isdigit()]
    assert line.startswith("error: the disk is full: ")
    assert str(small_run.folder / "disk") in line
    assert line.endswith("make room there, and run the same command to continue")


def test_full_disk_ends_the_run_in_one_line_and_it_goes_on(
    small_run: SmallRun, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", "--to", "dataset")
    small_run.set(dataset={"max_lost_share": 0.5})
    assert small_run.main(*command) == 0
    undisturbed = small_run.work_dir.rename(small_run.folder / "undisturbed")
    small_run.set(work_dir="disk/out")

    for free_kb in (0, 16, 60, 120):  # the start, the log, labels, images
        filler = fill(small_disk, free_kb=free_kb)
        check_full(small_run, capsys, *command)
        filler.unlink()

    assert small_run.main(*command) == 0
    assert not [*(small_disk / "out" / "_staging").glob("*")]
    assert_same_results(undisturbed, small_disk / "out")
