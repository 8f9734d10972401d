"""kill -9 on a whole run, three times, then the same command: the tables are those of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]


def sample_command(folder: Path) -> list[str]:
    """The sample's run in a work_dir of its own, in several small shards."""
    conf = REPOSITORY / "conf"
    values = yaml.safe_load((conf / "sample.yaml").read_text())
    values["work_dir"] = str(folder / "run")
    for section, key in ((values["labels"], "locations"), (values["images"], "folder")):
        section[key] = str((conf / section[key]).resolve())
    for section in (values["labels"]["tables"][0], values["labels"]["boundaries"]):
        section["path"] = str((conf / section["path"]).resolve())
    values["images"]["shard_size"] = 6
    values["features"] |= {"batch_size": 4, "precision": "float32"}
    (folder / "sample.yaml").write_text(yaml.safe_dump(values))
    return [sys.executable, "-m", "streetdeciles", "run", "--config", str(folder / "sample.yaml")]


def finished_shards(work_dir: Path) -> dict[str, float]:
    return {path.name: path.stat().st_mtime for path in (work_dir / "features" / "_shards").glob("[0-9]*.json")}


def kill_once(command: list[str], is_time: Callable[[], bool]) -> None:
    """Start the command, and kill -9 its whole process group as soon as `is_time`."""
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 300
        while not is_time() and time.monotonic() < deadline:
            assert run.poll() is None
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGKILL)


@pytest.mark.cluster  # takes minutes
def test_killed_run_goes_on_and_ends_with_the_same_tables(tmp_path_factory: pytest.TempPathFactory) -> None:
    undisturbed, killed = tmp_path_factory.mktemp("undisturbed"), tmp_path_factory.mktemp("killed")
    subprocess.run(sample_command(undisturbed), check=True, timeout=600, capture_output=True)
    everything = finished_shards(undisturbed / "run")

    kill_once(sample_command(killed), lambda: any((killed / "run" / "_staging").glob("extracted-*")))
    assert not finished_shards(killed / "run")
    kill_once(sample_command(killed), lambda: bool(finished_shards(killed / "run")))
    before = finished_shards(killed / "run")
    assert 0 < len(before) <= len(everything)
    kill_once(sample_command(killed), (killed / "run" / "run_log" / "dataset.json").exists)

    subprocess.run(sample_command(killed), check=True, timeout=600, capture_output=True)

    after = finished_shards(killed / "run")
    assert set(after) == set(everything)
    assert {name: after[name] for name in before} == before
    for table, key in (
        ("locations", ["location_id"]),
        ("image_index", ["image_id"]),
        ("features", ["image_id"]),
        ("rejects", ["image_id"]),
        ("predictions", ["location_id", "outcome"]),
        ("area_predictions", ["area_id", "outcome", "method"]),
        ("metrics", ["outcome", "level", "method", "model"]),
    ):
        one, other = (
            pd.read_parquet(folder / "run" / table).sort_values(key).reset_index(drop=True)
            for folder in (undisturbed, killed)
        )
        pd.testing.assert_frame_equal(one, other, rtol=1e-5, obj=table)
    assert json.loads((killed / "run" / "run_log" / "report.json").read_text())["stage"] == "report"
