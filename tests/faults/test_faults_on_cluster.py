"""A known run on a fresh cluster of separate processes, and one fault at a random moment: the tables stay the same."""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest
from injected import FAULTS, Fault, Missed, Strike
from known_run import WITHIN_S, KnownRun, Reader, make_known_run
from reliability_page import Round, write_row
from small_site import SmallSite, small_site

from real_command import Command, streetdeciles
from same_results import assert_same_results
from streetdeciles.stages import STAGE_NAMES

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "2"))
SEED = int(os.environ.get("SOAK_SEED", "17"))
MOMENT = 0.8
"""A fault strikes at the latest at this share of the stage's usual time."""

IN_CI = {
    "kill -9 of a Python worker": "features",
    "kill -9 of the driver": "features",
    "a worker's disk is full": "features",
}
"""Fault -> stage. The others take longer; tests/deploy has the loss of an executor and of a worker."""


@pytest.fixture(scope="module")
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KnownRun:
    folder = tmp_path_factory.mktemp("known")
    with small_site(folder / "cluster") as site:
        return make_known_run(folder, site, "dataset" if request.param == "short" else STAGE_NAMES[-1])


class Suffering:
    """One run with one fault."""

    def __init__(self, fault: Fault, known: KnownRun, folder: Path, chance: random.Random) -> None:
        self.fault, self.known, self.folder, self.chance = fault, known, folder, chance
        self.work_dir = folder / "run"

    def suffer(self, stage: str) -> Round:
        """Run the stage; the fault strikes in it. Missed if there was nothing to strike."""
        self.known.before(stage, self.work_dir)
        expected = self.folder / "expected"
        self.known.after(stage, expected)
        with small_site(
            self.folder / "cluster", small_disk=self.fault.small_disk, own_network=self.fault.own_network
        ) as site:
            settings = {**site.settings, "conf": {**site.settings["conf"], **self.fault.settings}}  # type: ignore[dict-item]
            config = self.known.with_work_dir(self.work_dir, settings)
            start = time.monotonic()
            with Reader(self.work_dir, self.known.rows()) as reader:
                code, printed = self._first_run(site, config, stage)
                reruns = 0
                if code != 0:
                    repairing = time.monotonic()
                    site.repair()
                    start += time.monotonic() - repairing
                    reruns = 1
                    printed += self._rerun(config, stage)
            lost = time.monotonic() - start - self.known.start_s - self.known.seconds[stage]
        assert reader.wrong == [], printed
        equal = True
        try:
            assert_same_results(expected, self.work_dir)
        except AssertionError as error:
            equal = False
            print(f"different: {error}\n{printed}")
        assert reruns == 0 or self.fault.may_need_rerun, printed
        assert not [*(self.work_dir / "_staging").glob("*")], printed
        assert not (self.work_dir / "run.lock").exists()
        return Round(stage, reruns, equal, lost)

    def _first_run(self, site: SmallSite, config: Path, stage: str) -> tuple[int, str]:
        """(exit code, what the command said)."""
        moment = self.chance.uniform(0, MOMENT) * self.known.seconds[stage]
        with streetdeciles("run", "--to", stage, config=config) as command:
            command.wait_until(lambda: command.starts_stage(stage), within_s=WITHIN_S)
            self._let_pass(command, moment)
            self.fault.happen(Strike(site, command, self.chance))
            code = command.process.wait(WITHIN_S)
            print(f"{self.fault.name}, {moment:.1f} s after the start of {stage}: exit code {code}")
            return code, command.output

    def _rerun(self, config: Path, stage: str) -> str:
        with streetdeciles("run", "--to", stage, config=config) as command:
            assert command.process.wait(WITHIN_S) == 0, command.output
            return f"\nrerun:\n{command.output}"

    def _let_pass(self, command: Command, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and command.process.poll() is None:
            time.sleep(0.01)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(f"{SEED} {request.node.name}")  # noqa: S311 - moments, not secrets


@pytest.mark.cluster
@pytest.mark.parametrize("known", ["short"], indirect=True)
@pytest.mark.parametrize("name", IN_CI)
def test_run_through_a_fault(name: str, known: KnownRun, tmp_path: Path, chance: random.Random) -> None:
    fault = {fault.name: fault for fault in FAULTS}[name]
    if fault.cannot_be_made:
        pytest.skip(fault.cannot_be_made)
    assert Suffering(fault, known, tmp_path, chance).suffer(IN_CI[name]).equal


@pytest.mark.soak
@pytest.mark.parametrize("known", ["whole"], indirect=True)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_run_through_faults_again_and_again(
    fault: Fault, known: KnownRun, tmp_path: Path, chance: random.Random
) -> None:
    """SOAK_ROUNDS rounds of each; docs/reliability.md has what came of them."""
    if fault.cannot_be_made:
        pytest.skip(fault.cannot_be_made)
    rounds = []
    for number, stage in enumerate(chance.sample([*fault.stages] * ROUNDS, ROUNDS)):
        folder = tmp_path / f"round-{number}"
        folder.mkdir()
        with suppress(Missed):
            rounds.append(Suffering(fault, known, folder, chance).suffer(stage))
    assert rounds
    write_row(fault.name, rounds, [one.name for one in FAULTS])
    assert all(one.equal for one in rounds)
