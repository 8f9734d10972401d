"""kill -9 again and again, in every stage, and the same command after each: nothing of it can be seen in the end."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from real_command import Command, streetdeciles
from same_results import assert_same_results
from small_run import make_small_run
from streetdeciles import run_log
from streetdeciles.stages import STAGE_NAMES

pytestmark = pytest.mark.soak

N_KILLS = int(os.environ.get("SOAK_KILLS", "50"))
SEED = 13
START_SHARE = 0.15
"""Of the kills: in the first seconds of the process, wherever it is then."""
START_S = 6.0


class Soak:
    """The killed run's config, and what is known of it from outside: its marks, and how long a stage takes."""

    def __init__(self, config: Path, work_dir: Path, seconds: dict[str, float]) -> None:
        self.config, self.work_dir, self.seconds = config, work_dir, seconds
        self.chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
        self.landed: Counter[str] = Counter()

    def is_done(self, stage: str) -> bool:
        return (self.work_dir / "run_log" / f"{stage}.json").exists()

    def kill_in(self, stage: str, *, up_to: float) -> None:
        """Kill the command at a random moment of the stage, at the latest at this share of its usual time."""
        share = self.chance.uniform(0, up_to)
        with streetdeciles("run", config=self.config) as command:
            command.wait_until(lambda: command.starts_stage(stage), within_s=300)
            self._kill_after(command, share * self.seconds[stage])

    def kill_at_start(self) -> None:
        with streetdeciles("run", config=self.config) as command:
            self._kill_after(command, self.chance.uniform(0, START_S))

    def _kill_after(self, command: Command, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and command.process.poll() is None:
            time.sleep(0.005)
        began = [name for name in STAGE_NAMES if command.starts_stage(name)]
        command.kill()
        self.landed["start" if not began else "between" if self.is_done(began[-1]) else began[-1]] += 1


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Soak:
    """Two configs with the same inputs; the first has run undisturbed."""
    run = make_small_run(tmp_path_factory.mktemp("soak"))
    run.set(
        images={"shard_size": 4, "duplicates": "reject"},
        dataset={"outcomes": ["imd", "imd_income"]},
        training={"epochs": 50, "patience": 50},
        evaluation={"bootstrap": 500},
    )
    with streetdeciles("run", config=run.config) as command:
        assert command.process.wait(900) == 0, command.output
    killed = run.folder / "killed.yaml"
    killed.write_text(yaml.safe_dump(yaml.safe_load(run.config.read_text()) | {"work_dir": "killed"}))
    seconds = {}
    for name in STAGE_NAMES:
        mark = run_log.read_mark(str(run.work_dir), name)
        assert mark is not None
        seconds[name] = mark.report.seconds
    return Soak(killed, run.folder / "killed", seconds)


def test_run_killed_many_times_equals_an_undisturbed_one(soak: Soak, capsys: pytest.CaptureFixture[str]) -> None:
    for place, stage in enumerate(STAGE_NAMES):
        n_kills = (N_KILLS - soak.landed.total()) // (len(STAGE_NAMES) - place)
        for number in range(n_kills):
            if number and soak.chance.random() < START_SHARE:
                soak.kill_at_start()
            elif not soak.is_done(stage):
                # Only the last one may come after the stage's end: none would be left for the others.
                soak.kill_in(stage, up_to=1.1 if number == n_kills - 1 > 0 else 0.5)
    with capsys.disabled():
        print(f"kills by the stage that they landed in: {dict(soak.landed)}")

    with streetdeciles("run", config=soak.config) as command:
        assert command.process.wait(900) == 0, command.output
        assert command.left() == []
    assert all(soak.is_done(stage) for stage in STAGE_NAMES)
    assert not [*(soak.work_dir / "_staging").glob("*")]
    assert not (soak.work_dir / "run.lock").exists()
    assert_same_results(soak.work_dir.parent / "out", soak.work_dir)
    with streetdeciles("verify", config=soak.config) as command:
        assert command.process.wait(300) == 0, command.output
    if len(STAGE_NAMES) <= N_KILLS:
        assert {name for name in soak.landed if name in STAGE_NAMES} == {*STAGE_NAMES}
