"""kill -9 on a whole run, three times, then the same command: the tables are those of an undisturbed run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from real_command import streetdeciles
from same_results import assert_same_results

REPOSITORY = Path(__file__).parents[2]


def sample_config(folder: Path) -> Path:
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
    return folder / "sample.yaml"


def finished_shards(work_dir: Path) -> dict[str, float]:
    return {path.name: path.stat().st_mtime for path in (work_dir / "features" / "_shards").glob("[0-9]*.json")}


def run(config: Path) -> None:
    with streetdeciles("run", config=config) as command:
        assert command.process.wait(600) == 0, command.output


def kill_once(config: Path, is_time: Callable[[], bool]) -> None:
    """Start the run, and kill -9 its whole process group as soon as `is_time`."""
    with streetdeciles("run", config=config) as command:
        command.wait_until(is_time, within_s=300)
        command.kill()


@pytest.mark.whole
def test_killed_run_goes_on_and_ends_with_the_same_tables(tmp_path_factory: pytest.TempPathFactory) -> None:
    undisturbed, killed = tmp_path_factory.mktemp("undisturbed"), tmp_path_factory.mktemp("killed")
    run(sample_config(undisturbed))
    everything = finished_shards(undisturbed / "run")

    kill_once(sample_config(killed), lambda: any((killed / "run" / "_staging").glob("extracted-*")))
    assert not finished_shards(killed / "run")
    kill_once(sample_config(killed), lambda: bool(finished_shards(killed / "run")))
    before = finished_shards(killed / "run")
    assert 0 < len(before) <= len(everything)
    kill_once(sample_config(killed), (killed / "run" / "run_log" / "dataset.json").exists)

    run(sample_config(killed))

    after = finished_shards(killed / "run")
    assert set(after) == set(everything)
    assert {name: after[name] for name in before} == before
    assert_same_results(undisturbed / "run", killed / "run")
    assert json.loads((killed / "run" / "run_log" / "report.json").read_text())["stage"] == "report"
