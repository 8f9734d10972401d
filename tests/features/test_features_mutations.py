"""Damaged photographs: the decoder gives pixels or a reason, in bounded time and memory, and workers live on."""

from __future__ import annotations

import resource
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import Mutation, example_files, mutated
from pixel_network import SIZE, pixel_network, run_config, write_index

from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.extraction.decoding import FORMATS, decode, prepare_pillow
from streetdeciles.extraction.rejects import Reason, Rejected
from streetdeciles.features import engine, stage
from streetdeciles.parallel import Parallelism

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MAX_PIXELS = 3_000_000
SECONDS = 5.0
"""Of the processor's time for one file. The longest seen is 0.1 s."""
MEGABYTES = 300
"""By which the process may grow: a picture of 3 million pixels is 12 MB in RGBA, and there are a few copies of it."""

FILES = example_files()

positions = st.one_of(st.integers(0, 400), st.integers(0, 2**24))
"""Half of them in the header, where a changed byte has consequences."""
mutations = st.one_of(
    st.builds(Mutation, st.just("truncate"), st.lists(positions, min_size=1, max_size=1)),
    st.builds(Mutation, st.just("flip"), st.lists(positions, min_size=1, max_size=30), st.integers(1, 255)),
    st.builds(
        Mutation,
        st.just("splice"),
        st.lists(positions, min_size=2, max_size=2),
        length=st.integers(1, 5000),
        replaces=st.booleans(),
    ),
)


def assert_pixels_or_a_reason(content: bytes) -> str:
    start = time.process_time()
    image: Rejected | np.ndarray
    try:
        image = decode(content, max_pixels=MAX_PIXELS)
    except Rejected as rejected:
        image = rejected
    assert time.process_time() - start < SECONDS
    if isinstance(image, Rejected):
        assert image.reason in get_args(Reason)
        assert image.detail
        return image.reason
    height, width, channels = image.shape
    assert (image.dtype, channels) == (np.uint8, 3)
    assert 0 < height * width <= MAX_PIXELS
    assert scaled_centre_crop(SIZE)(image).shape == (SIZE, SIZE, 3)
    return "pixels"


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_examples_are_of_every_format() -> None:
    from io import BytesIO

    from PIL import Image

    prepare_pillow(MAX_PIXELS)
    formats = set()
    for content in FILES.values():
        try:
            with Image.open(BytesIO(content)) as image:
                formats.add(image.format)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
    assert formats == {*FORMATS, "MPO"}
    assert len(FILES) == 85  # 41 difficult ones, 30 photographs, 14 that are written here


def test_mutated_photographs_give_pixels_or_a_reason() -> None:
    """2,000 of them, the same ones each time."""
    prepare_pillow(MAX_PIXELS)
    outcomes: list[str] = []

    @settings(max_examples=2000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(FILES)), st.sampled_from(sorted(FILES)), st.lists(mutations, min_size=1, max_size=3))
    def check(name: str, other: str, all_of_it: list[Mutation]) -> None:
        content = FILES[name]
        for mutation in all_of_it:
            content = mutated(content, FILES[other], mutation)
        outcomes.append(assert_pixels_or_a_reason(content))

    before = peak_megabytes()
    check()
    assert peak_megabytes() - before < MEGABYTES
    assert len(outcomes) >= 2000
    # Else most of these would have tested no more than how the file starts.
    assert outcomes.count("pixels") > 200
    assert {"empty", "truncated", "damaged", "not_an_image", "too_large"} <= set(outcomes)


def test_damaged_photographs_kill_no_worker(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 of them through the stage: no worker dies, and each is a feature or a reject."""

    def died(*_: object) -> None:
        pytest.fail("a worker died")

    monkeypatch.setattr(engine, "WorkerDied", died)
    paths = write_damaged(tmp_path, 300)
    shards = [paths[start:end] for start, end in pairwise(range(0, 301, 75))]
    write_index(spark, tmp_path, shards)
    sizes = Parallelism(tasks=1, threads=2, local=True)
    config = run_config(tmp_path, max_pixels=MAX_PIXELS)
    report = stage.extract_shards(spark, config, pixel_network(), sizes)
    counts = report.counts
    reasons = {name.removeprefix("rejects: ") for name in counts if name.startswith("rejects: ")}
    assert counts["images"] == 300
    assert counts["features"] + counts["rejects"] == 300
    assert counts["features"] > 50
    assert counts["rejects"] > 50
    assert reasons <= {*get_args(Reason)} - {"missing", "crashed_worker"}


def write_damaged(folder: Path, n: int) -> list[Path]:
    generator = np.random.default_rng(7)
    names = sorted(FILES)
    paths = []
    for i in range(n):
        content = FILES[names[i % len(names)]]
        other = FILES[names[generator.integers(len(names))]]
        span = int(generator.choice([400, len(content)]))
        at = [int(position) for position in generator.integers(span, size=int(generator.integers(2, 20)))]
        kind = ("truncate", "flip", "splice")[i // len(names) % 3]
        content = mutated(content, other, Mutation(kind, at, int(generator.integers(1, 256)), 500, bool(i % 2)))
        paths.append(folder / f"damaged_{i:03d}_{names[i % len(names)]}")
        paths[-1].write_bytes(content)
    return paths
