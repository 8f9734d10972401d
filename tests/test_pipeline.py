"""Which stages run, in which order, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config_files import write_config
from streetdeciles import run_log, storage
from streetdeciles.config import RunConfig
from streetdeciles.config_file import load_config
from streetdeciles.errors import RunRefused
from streetdeciles.inputs import signatures
from streetdeciles.manifests import make_manifest
from streetdeciles.pipeline import run
from streetdeciles.plans import generation_of, plan, select_stages
from streetdeciles.run_log import StageReport
from streetdeciles.stages import STAGE_NAMES, STAGES, stages_that_follow


@pytest.fixture
def config(tmp_path: Path, values: dict[str, Any]) -> RunConfig:
    return load_config(str(write_config(tmp_path, values)))


def finish(config: RunConfig, *names: str) -> None:
    """Leave the marks and outputs that these stages leave when they are done."""
    for step in plan(config, STAGE_NAMES, force=False):
        stage, work_dir = step.stage, config.work_dir
        if stage.name in names:
            for name in stage.writes:
                storage.write_text(storage.join(work_dir, name), name)
            run_log.record(
                work_dir,
                StageReport(stage.name),
                step.fingerprint,
                inputs=step.inputs,
                reads={name: generation_of(work_dir, name) for name in stage.reads},
                files=make_manifest(work_dir, stage.writes),
            )


def actions(config: RunConfig, *selected: str, force: bool = False) -> dict[str, str]:
    return {step.stage.name: step.action for step in plan(config, selected or STAGE_NAMES, force=force)}


def test_stages_come_after_those_that_they_read() -> None:
    for place, stage in enumerate(STAGES):
        assert set(stage.reads) <= set(STAGE_NAMES[:place])


def test_selection_by_first_last_and_only() -> None:
    assert select_stages(None, None, None) == STAGE_NAMES
    assert select_stages("dataset", "prediction", None) == ("dataset", "training", "prediction")
    assert select_stages(None, None, "images") == ("images",)


@pytest.mark.parametrize(
    ("first", "last", "only", "message"),
    [
        ("report", "labels", None, "--from report comes after --to labels"),
        ("labels", None, "images", "cannot be combined with"),
    ],
)
def test_contradictory_selection_is_refused(first: str, last: str | None, only: str | None, message: str) -> None:
    with pytest.raises(RunRefused, match=message):
        select_stages(first, last, only)


def test_nothing_done_runs_everything(config: RunConfig) -> None:
    assert set(actions(config).values()) == {"run"}


def test_everything_done_runs_nothing(config: RunConfig) -> None:
    finish(config, *STAGE_NAMES)

    assert set(actions(config).values()) == {"up to date"}


def test_force_runs_the_selected_again(config: RunConfig) -> None:
    finish(config, *STAGE_NAMES)

    actual = actions(config, "training", "prediction", force=True)

    assert [name for name, action in actual.items() if action == "run"] == ["training", "prediction"]


def test_run_with_given_models_trains_nothing(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "models").mkdir()
    with_models = load_config(str(write_config(tmp_path, values | {"prediction": {"models": "models"}})))

    assert list(actions(with_models)) == [name for name in STAGE_NAMES if name != "training"]
    finish(with_models, "labels", "images", "features", "dataset")
    assert actions(with_models, "prediction")["prediction"] == "run"
    with pytest.raises(RunRefused, match=r"prediction\.models is set, so this run trains nothing"):
        plan(with_models, ("training",), force=False)


def test_table_that_was_removed_is_made_again(config: RunConfig) -> None:
    finish(config, *STAGE_NAMES)
    storage.remove(storage.join(config.work_dir, "predictions"))

    actual = actions(config)

    made_again = ["prediction", "aggregation", "evaluation", "report"]
    assert [name for name, action in actual.items() if action == "run"] == made_again


def test_changed_input_runs_its_stage_and_all_that_follow_from_it(config: RunConfig, tmp_path: Path) -> None:
    finish(config, *STAGE_NAMES)
    (tmp_path / "locations.csv").write_text("changed\n")

    actual = actions(config)

    assert [name for name, action in actual.items() if action == "up to date"] == ["images", "features"]


def test_stage_whose_input_is_not_made_is_refused(config: RunConfig) -> None:
    with pytest.raises(RunRefused, match=r"images must run first .*: streetdeciles run --from images --to features"):
        plan(config, ("features",), force=False)


def test_first_run_looks_at_its_inputs_once(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def counted(config: RunConfig, stage: str) -> dict[str, str]:
        looked_at.append(stage)
        return signatures(config, stage)

    monkeypatch.setattr("streetdeciles.plans.signatures", counted)
    with pytest.raises(RunRefused, match=r"locations\.csv"):  # by the preflight of labels, which follows the plan
        run(config, STAGE_NAMES)
    assert looked_at == list(STAGE_NAMES)


def test_refused_plan_leaves_no_folder(config: RunConfig) -> None:
    with pytest.raises(RunRefused, match="images must run first"):
        run(config, ["features"])
    assert not Path(config.work_dir).exists()


def test_stage_that_nothing_selected_reads_may_be_missing(config: RunConfig) -> None:
    assert actions(config, "labels")["training"] == "not selected"


def test_each_stage_reads_its_own_section() -> None:
    assert [stage.sections[0] for stage in STAGES] == list(STAGE_NAMES)


def test_stages_that_follow_read_its_output_directly_or_through_others() -> None:
    assert stages_that_follow("images") == STAGE_NAMES[2:]
    assert stages_that_follow("training") == STAGE_NAMES[5:]
    assert stages_that_follow("report") == ()


def test_stage_without_section_is_taken_as_it_is(config: RunConfig, tmp_path: Path, values: dict[str, Any]) -> None:
    finish(config, *STAGE_NAMES)
    path = write_config(tmp_path, {key: values[key] for key in ("work_dir", "dataset")})

    alone = load_config(str(path), ("training",))

    assert actions(alone, "training") == dict.fromkeys(STAGE_NAMES, "not selected") | {"training": "up to date"}


def test_work_dir_of_an_absent_section_keeps_it(config: RunConfig, tmp_path: Path, values: dict[str, Any]) -> None:
    path = write_config(tmp_path, {key: values[key] for key in ("work_dir", "images")})
    alone = load_config(str(path), ("images",))

    for one in (alone, config, alone):
        run_log.refuse_other_config(one)
        run_log.save_config(one)

    saved = storage.read_json(storage.join(config.work_dir, "config.json"))
    assert saved["labels"] == config.labels.model_dump(mode="json")
    other = config.model_copy(update={"labels": config.labels.model_copy(update={"regions": {"town": "all"}})})
    with pytest.raises(RunRefused, match=r"labels\.regions was .*'bury'"):
        run_log.refuse_other_config(other)
