"""A finished run: what is noticed when its files or inputs change, what is done again, and what `verify` says."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from small_run import BACKBONE, SmallRun, make_small_run, photograph, write_locations
from streetdeciles import run_log
from streetdeciles.config_file import load_config
from streetdeciles.plans import plan
from streetdeciles.stages import STAGE_NAMES

pytestmark = pytest.mark.whole

TABLES = (
    "area_labels",
    "locations",
    "left_out/stage=labels",
    "image_index",
    "left_out/stage=images",
    "features",
    "rejects",
    "training_set",
    "left_out/stage=dataset",
    "training_set.h5",
    "training_set.csv",
    "models",
    "predictions",
    "area_predictions",
    "decile_counts",
    "metrics",
    "baselines",
    "breakdowns",
    "comparisons",
    "calibration",
    "area_intervals",
    "fold_metrics",
    "report.html",
)

EXPORTS = ("training_set.h5", "training_set.csv")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, spark: object) -> SmallRun:
    """A finished run: one photograph is a reject, three are in an archive; its weights are a file of its own."""
    run = make_small_run(made(tmp_path_factory.mktemp("finished") / "run"))
    photographs = run.folder / "photographs"
    (photographs / "00000_0.jpg").write_bytes(padded("00000_0"))
    (photographs / "00003_1.jpg").write_bytes(b"no photograph")
    write_archive(photographs / "some.tar", [photographs / f"00011_{view}.jpg" for view in range(2)])
    shutil.copy(BACKBONE, run.folder / "network.keras")
    run.set(features={"backbone": "network.keras"}, dataset={"hdf5": True})
    assert run.main("run") == 0
    shutil.copytree(run.folder, run.folder.with_name("pristine"))
    return run


@pytest.fixture
def finished_run(pristine: SmallRun) -> SmallRun:
    """The same run, in the same place, as it was when it had finished."""
    shutil.rmtree(pristine.folder)
    shutil.copytree(pristine.folder.with_name("pristine"), pristine.folder)
    return pristine


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def padded(name: str) -> bytes:
    """Photographs of equal size in bytes."""
    return photograph(name).ljust(5000, b"\0")


def write_archive(path: Path, files: list[Path]) -> None:
    """Move the files into a tar, or add them to it."""
    with tarfile.open(path, "a" if path.exists() else "w") as archive:
        for file in files:
            archive.add(file, file.name)
            file.unlink()


def files_of(run: SmallRun, table: str) -> list[Path]:
    path = run.work_dir / table
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("[!._]*") if file.is_file() and not file.parent.name.startswith("_"))


def whys(run: SmallRun) -> dict[str, str]:
    """Why stages would run, for those that would."""
    steps = plan(load_config(str(run.config)), STAGE_NAMES, force=False)
    return {step.stage.name: step.why for step in steps if step.action == "run"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def following(name: str) -> list[str]:
    return list(STAGE_NAMES[STAGE_NAMES.index(name) :])


def test_untouched_run_is_up_to_date_and_whole(finished_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert whys(finished_run) == {}

    assert finished_run.main("verify") == 0
    assert f"of {len(TABLES)} tables are unchanged since they were written" in capsys.readouterr().out


def test_copy_elsewhere_is_verified_without_its_inputs(
    finished_run: SmallRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished_run.work_dir, tmp_path / "archive [2026]" / "out")
    copied = SmallRun(tmp_path / "archive [2026]")
    shutil.copy(finished_run.config, copied.config)

    assert copied.main("verify") == 0
    (copied.work_dir / "report.html").unlink()
    assert copied.main("verify") == 1
    assert "report.html: is missing" in capsys.readouterr().out


@pytest.mark.parametrize("table", [*TABLES, "features/_shards"])
def test_flipped_bit_is_found_and_named(finished_run: SmallRun, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = (files_of(finished_run, table) or sorted((finished_run.work_dir / table).iterdir()))[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)

    assert finished_run.main("verify") == 1
    printed = capsys.readouterr().out
    assert f"{file.relative_to(finished_run.work_dir)}: has other content than was written" in printed


def test_verify_names_what_is_cut_and_what_is_too_much(
    finished_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    cut, copied = files_of(finished_run, "predictions")[0], files_of(finished_run, "locations")[0]
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:-7])
    shutil.copy(copied, copied.with_name("copy.parquet"))

    assert finished_run.main("verify") == 1
    printed = capsys.readouterr().out
    assert f"{cut.name}: has {size - 7:,} bytes instead of {size:,}; copy it" in printed
    assert "locations/copy.parquet: was not written by this stage; remove it" in printed
    assert "2 problems" in printed


def test_verify_refuses_where_nothing_has_run(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert small_run.main("verify") == 2
    assert "holds no finished stage" in capsys.readouterr().err


@pytest.mark.parametrize("table", [table for table in TABLES if table not in EXPORTS])
def test_lost_file_is_named_in_the_plan(finished_run: SmallRun, table: str) -> None:
    stages = {"left_out/stage=labels": "labels", "left_out/stage=images": "images", "left_out/stage=dataset": "dataset"}
    steps = plan(load_config(str(finished_run.config)), STAGE_NAMES, force=False)
    stages |= {name: step.stage.name for step in steps for name in (*step.stage.writes, *step.stage.may_write)}
    file = files_of(finished_run, table)[0]
    file.unlink()

    actual = whys(finished_run)

    assert actual[stages[table]] == f"{file.relative_to(finished_run.work_dir)} is missing"
    assert list(actual)[-1] == "report"


@pytest.mark.parametrize("table", EXPORTS)
def test_lost_export_is_all_that_is_made_again(finished_run: SmallRun, table: str) -> None:
    (finished_run.work_dir / table).unlink()

    steps = plan(load_config(str(finished_run.config)), STAGE_NAMES, force=False)

    outdated = [(step.stage.name, step.action, step.why) for step in steps if step.action != "up to date"]
    assert outdated == [("dataset", "export", f"{table} is missing")]


def test_lost_and_copied_parts_of_features_are_made_again_alone(finished_run: SmallRun) -> None:
    before = finished_run.table("features").sort_values("image_id").reset_index(drop=True)
    lost = next(iter((finished_run.work_dir / "features" / "shard=0").glob("*.parquet")))
    whole = next(iter((finished_run.work_dir / "features" / "shard=1").glob("*.parquet")))
    other = {path: path.stat().st_mtime_ns for path in (finished_run.work_dir / "features" / "_shards").glob("0000*")}
    lost.unlink()

    assert finished_run.main("run", "--to", "features") == 0
    after = finished_run.table("features").sort_values("image_id").reset_index(drop=True)
    pd.testing.assert_frame_equal(before, after)
    made_again = [path.name for path, time in other.items() if path.stat().st_mtime_ns != time]
    assert made_again == ["00000.json"]

    shutil.copy(whole, whole.with_name("copy.parquet"))
    assert whys(finished_run)["features"] == "features/shard=1/copy.parquet was not written by this stage"
    assert finished_run.main("run", "--to", "features") == 0
    assert len(finished_run.table("features")) == len(before)


def test_replaced_photograph_of_equal_size_gives_new_features(finished_run: SmallRun) -> None:
    before = finished_run.table("features").set_index("image_id")["features"]
    (finished_run.folder / "photographs" / "00000_0.jpg").write_bytes(padded("another"))

    assert whys(finished_run)["images"] == "images.folder has changed"
    assert finished_run.main("run", "--to", "features") == 0

    after = finished_run.table("features").set_index("image_id")["features"]
    assert [name for name in before.index if list(after[name]) != list(before[name])] == ["00000_0"]


def test_grown_archive_is_used_after_its_stage_alone_was_forced(finished_run: SmallRun) -> None:
    for view in range(2):
        (finished_run.folder / f"00012_{view}.jpg").write_bytes(photograph(f"00012_{view}"))
    archive = finished_run.folder / "photographs" / "some.tar"
    write_archive(archive, [finished_run.folder / f"00012_{view}.jpg" for view in range(2)])
    assert finished_run.main("images", "--force") == 0

    assert whys(finished_run)["features"] == "images has been redone since"
    assert list(whys(finished_run)) == ["features", *following("dataset")]
    assert finished_run.main("run", "--to", "features") == 0

    assert {"00012_0", "00012_1"} <= {*finished_run.table("features")["image_id"]}
    assert whys(finished_run)["dataset"] == "features has been redone since"


def test_killed_early_stage_makes_all_that_follow_stale(finished_run: SmallRun) -> None:
    run_log.forget(str(finished_run.work_dir), "labels")  # what its start does

    assert whys(finished_run) == {
        "labels": "not done yet",
        **{name: f"{first} must run first" for name, first in zip(following("dataset"), FIRST_STALE, strict=True)},
    }


FIRST_STALE = ("labels", "dataset", "dataset", "labels", "labels", "labels")


def test_replaced_backbone_is_named_and_refused_without_harm(
    finished_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    other = keras.Sequential([keras.Input((224, 224, 3)), keras.layers.MaxPooling2D(56), keras.layers.Flatten()])
    other.save(finished_run.folder / "network.keras")
    before = contents(finished_run.work_dir / "run_log"), contents(finished_run.work_dir / "features")

    assert "features.backbone has changed" in whys(finished_run)["features"]
    assert finished_run.main("run") == 2

    assert "backbone was" in capsys.readouterr().err
    assert (contents(finished_run.work_dir / "run_log"), contents(finished_run.work_dir / "features")) == before


def test_other_content_of_equal_size_and_time_is_noticed(finished_run: SmallRun) -> None:
    path = finished_run.folder / "locations.csv"
    status, text = path.stat(), path.read_text()
    path.write_text(text.replace("51.537192", "51.537193"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert whys(finished_run)["labels"] == "labels.locations has changed"

    path.write_text(text)  # the same content at another time
    assert whys(finished_run) == {}


def test_refused_command_changes_nothing(finished_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(finished_run.work_dir)
    finished_run.set(features={"activation": True})

    assert finished_run.main("run", "--force", "--only", "report") == 2
    assert "stage features must run first (its settings have changed)" in capsys.readouterr().err
    assert contents(finished_run.work_dir) == before


def test_stage_that_refuses_its_input_leaves_the_run_as_it_was(finished_run: SmallRun) -> None:
    before = contents(finished_run.work_dir)
    finished_run.set(dataset={"outcomes": ["no_such_outcome"]})

    assert finished_run.main("run", "--force") == 2

    after = contents(finished_run.work_dir)
    assert {path: after[path] for path in after if not path.startswith("logs/")} == {
        path: before[path] for path in before if not path.startswith("logs/")
    }
    finished_run.set(dataset={"outcomes": ["imd"]})
    assert whys(finished_run) == {}


def test_refusal_in_a_new_place_leaves_no_folder(small_run: SmallRun) -> None:
    assert small_run.main("dataset") == 2
    assert not small_run.work_dir.exists()


def test_run_of_an_earlier_version_is_resumed(finished_run: SmallRun) -> None:
    for path in (finished_run.work_dir / "run_log").glob("*.json"):
        kept = ("stage", "counts", "notes", "seconds", "fingerprint")
        path.write_text(json.dumps({key: json.loads(path.read_text())[key] for key in kept}))
    marks = sorted((finished_run.work_dir / "features" / "_shards").glob("*.json"))
    for path in marks:
        values = json.loads(path.read_text())
        path.write_text(json.dumps({key: values[key] for key in values if key not in ("files", "versions")}))
    parts = [*(finished_run.work_dir / "features").rglob("*.parquet")]

    assert {*whys(finished_run).values()} == {"done by an earlier version, which did not record what it read and wrote"}
    assert finished_run.main("run", "--to", "features") == 0

    assert [*(finished_run.work_dir / "features").rglob("*.parquet")] == parts
    assert all(json.loads(path.read_text())["files"] for path in marks)


def test_added_location_reaches_the_tables(finished_run: SmallRun) -> None:
    write_locations(finished_run.folder / "locations.csv", tuple(f"{number:05d}" for number in range(1, 13)))

    assert finished_run.main("run", "--to", "dataset") == 0

    assert {*finished_run.table("locations")["location_id"]} == {f"{number:05d}" for number in range(1, 13)}
