"""For what the network waits: time on a clock that the tests set, and the advice that follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles.extraction.tally import SPENT, Tally
from streetdeciles.extraction.waiting import COMPUTING, DECODING, HANDING_OVER, READING, DeviceClock
from streetdeciles.features.bottleneck import COMMITTING, advice, bottleneck, device_shares
from streetdeciles.features.ledger import Mark, Shard, write_mark
from streetdeciles.features.reporting import extraction_report


class SetClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_time_goes_to_the_device_or_to_what_it_waits_for() -> None:
    now = SetClock()
    clock = DeviceClock(now)
    now.seconds = 2  # files are read at first
    clock.waits_for(DECODING)
    now.seconds = 5
    with clock.computing():
        now.seconds = 6
        with clock.computing():  # another thread's batch; the time counts once
            clock.waits_for(HANDING_OVER)
            now.seconds = 10
        now.seconds = 11
    now.seconds = 15
    assert clock.seconds() == {COMPUTING: 6, READING: 2, DECODING: 3, HANDING_OVER: 4}


def test_advice_names_the_largest_wait() -> None:
    shares = device_shares([{COMPUTING: 31.0, DECODING: 50.0, READING: 9.0}], available_s=100)
    assert shares == {DECODING: 0.5, COMPUTING: 0.31, COMMITTING: 0.1, READING: 0.09}
    assert bottleneck(shares) == DECODING
    (line,) = advice(shares, threads=8)
    assert line.startswith(
        "the network was busy 31% of the time; waits: decoding 50%, commits and the start of jobs 10%"
    )
    assert line.endswith(
        "decoding with 8 threads is the limit: give each task more cores (spark.task.cpus), and "
        "features.decode_threads as many"
    )
    (line,) = advice(shares, threads=4, gpu_can_decode=True)
    assert line.endswith("as many; or set features.decoder: gpu in a new work_dir, if the GPU has JPEG engines")


@pytest.mark.parametrize(
    ("cores", "tasks", "amount", "cores_each"), [(8, 2, "0.5", 4), (16, 4, "0.25", 4), (64, 4, "0.25", 16)]
)
def test_task_with_many_cores_should_share_its_gpu(cores: int, tasks: int, amount: str, cores_each: int) -> None:
    (line,) = advice({DECODING: 0.6, COMPUTING: 0.4}, 8, cores_of_gpu=cores)
    assert line.endswith(
        "decoding with 8 threads is the limit, and one process uses only about 4 cores fully: "
        f"let {tasks} tasks share the GPU (spark.task.resource.gpu.amount {amount}, "
        f"spark.task.cpus {cores_each}, features.decode_threads {cores_each})"
    )
    (line,) = advice({READING: 0.6, COMPUTING: 0.4}, 8, cores_of_gpu=cores)
    assert "reading the photographs is the limit" in line
    (line,) = advice({DECODING: 0.6, COMPUTING: 0.4}, 8, cores_of_gpu=7)
    assert "give each task more cores" in line


def test_advice_follows_from_the_shards_of_this_run(tmp_path: Path) -> None:
    """The first shard was computed on a GPU by an earlier run, the second on a CPU now."""
    computed = {"members": "", "settings": {}, "images": 1, "features": 1, "rejects": {}, "seconds": {}}
    write_mark(str(tmp_path), Mark(0, network="gpu (H100), 16 cores", device_seconds={COMPUTING: 6.0}, **computed))
    write_mark(str(tmp_path), Mark(1, network="cpu (EPYC)", device_seconds={COMPUTING: 3.0, DECODING: 7.0}, **computed))
    shards = [Shard(number, 1, "") for number in range(2)]
    options = {"tasks": 1, "decode_threads": 16, "cores_of_gpu": 16}
    of_cpu = extraction_report(shards, shards[1:], 0, str(tmp_path), 10.0, **options).notes[-1]
    assert of_cpu.startswith("the network was busy 30% of the time; waits: decoding 70%")
    assert "give each task more cores" in of_cpu
    assert "GPU" not in of_cpu
    of_both = extraction_report(shards, shards, 0, str(tmp_path), 16.0, **options).notes[-1]
    assert "let 4 tasks share the GPU" in of_both
    assert "features.decoder: gpu" in of_both


@pytest.mark.parametrize(
    ("shares", "line"),
    [({}, []), ({COMPUTING: 0.95, READING: 0.05}, ["the network was busy 95% of the time; waits: reading 5%"])],
)
def test_busy_or_unknown_network_needs_no_advice(shares: dict[str, float], line: list[str]) -> None:
    assert advice(shares, threads=8) == line


counts = st.dictionaries(st.sampled_from(["empty", "missing", "damaged"]), st.integers(1, 1000))
tallies = st.builds(
    Tally,
    images=st.integers(0, 10**6),
    features=st.integers(0, 10**6),
    rejects=counts,
    seconds=st.fixed_dictionaries(dict.fromkeys(SPENT, st.integers(0, 1000).map(float))),
    failure=st.sampled_from(["", "gone"]),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(tallies, max_size=5))
def test_tally_of_pieces_is_their_sum(pieces: list[Tally]) -> None:
    whole = Tally()
    for piece in pieces:
        whole.add(Tally.from_json(piece.to_json()))
    assert whole.images == sum(piece.images for piece in pieces)
    assert whole.features == sum(piece.features for piece in pieces)
    for reason in ("empty", "missing", "damaged"):
        assert whole.rejects.get(reason, 0) == sum(piece.rejects.get(reason, 0) for piece in pieces)
    assert whole.seconds == {name: sum(piece.seconds[name] for piece in pieces) for name in SPENT}
    assert whole.failure == ("gone" if any(piece.failure for piece in pieces) else "")
