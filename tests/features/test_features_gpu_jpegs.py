"""JPEGs decoded by a GPU's engines: which files go to them, and that nothing else depends on it.

nvImageCodec's CPU back end stands in for the engines, so these tests need the package (make test-compare) and no GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated
from PIL import Image
from pixel_network import SIZE, pixel_network, run_config
from test_features_jpegs import JPEGS
from test_features_mutations import mutations

from small_run import SmallRun
from streetdeciles.backbones.preprocessing import scaled_centre_crop
from streetdeciles.errors import RunRefused
from streetdeciles.extraction import preparing
from streetdeciles.extraction.core import extract
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.device import GPU_DRIVER
from streetdeciles.extraction.engine_jpegs import engine_jpeg_size
from streetdeciles.extraction.extracted import FEATURE, REJECT, STATISTICS
from streetdeciles.extraction.gpu_decoding import EngineDecoder, refuse_without_package
from streetdeciles.extraction.plain_jpeg import plain_jpeg_size
from streetdeciles.extraction.preparing import Preparation
from streetdeciles.extraction.tally import Tally
from streetdeciles.features.settings import fingerprint_of, preparation_of

SMALL = ("4:4:4", "4:2:2", "4:2:0", "4:1:1", "coarse", "restarts", "grey")
"""All of 101 x 67 pixels."""

MAX_PIXELS = 3_000_000
EOI = b"\xff\xd9"


@pytest.fixture
def nvimgcodec() -> None:
    """Skips the test where the package is not installed."""
    try:
        refuse_without_package()
    except RunRefused as error:
        pytest.skip(str(error))


def scan_start(content: bytes) -> int:
    """Where the coded pixels of a JPEG with one scan begin."""
    marker = content.index(b"\xff\xda")
    return marker + 2 + int.from_bytes(content[marker + 2 : marker + 4], "big")


def broken_off(content: bytes) -> bytes:
    """Half of the coded pixels, and the end's marker all the same."""
    start = scan_start(content)
    half = content[: (start + len(content)) // 2]
    return half.rstrip(b"\xff") + EOI


def without_segment(content: bytes, marker: bytes) -> bytes:
    at = content.index(marker)
    return content[:at] + content[at + 2 + int.from_bytes(content[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize("name", SMALL)
def test_plain_whole_jpegs_go_to_the_engines(name: str) -> None:
    assert engine_jpeg_size(JPEGS[name]) == (101, 67)
    assert engine_jpeg_size(broken_off(JPEGS["4:2:0"])) == (101, 67)  # as good as whole, by its markers


@pytest.mark.parametrize(
    "content",
    [
        JPEGS["progressive"],
        JPEGS["cmyk.jpg"],
        JPEGS["4:2:0"][:-2],
        JPEGS["4:2:0"] + b"\0",
        without_segment(JPEGS["4:2:0"], b"\xff\xdb"),  # a quantisation table
        without_segment(JPEGS["4:2:0"], b"\xff\xc4"),  # a Huffman table
        JPEGS["restarts"].replace(b"\xff\xd1", b"\xff\xd2"),
        JPEGS["restarts"].replace(b"\xff\xd0", b"\0\0", 1),
        JPEGS["4:2:0"].replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),  # 12 bits
        b"",
        b"\x89PNG",
    ],
)
def test_all_other_files_are_decoded_on_the_cpu(content: bytes) -> None:
    assert engine_jpeg_size(content) is None


def test_headers_are_remembered_and_pixels_are_not() -> None:
    """Files of one header, of which one has lost a restart marker; and a header that is too long to be remembered."""
    content = JPEGS["restarts"]
    damaged = content[:-2].replace(b"\xff\xd2", b"\0\0", 1) + EOI
    assert scan_start(damaged) == scan_start(content)
    assert [engine_jpeg_size(file) for file in (content, damaged, content)] == [(101, 67), None, (101, 67)]
    commented = content[:2] + b"\xff\xfe\x27\x10" + b"-" * 9998 + content[2:]
    assert scan_start(commented) == scan_start(content) + 10_002
    assert [plain_jpeg_size(commented), engine_jpeg_size(commented)] == [(101, 67), (101, 67)]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8",
        b"\xff\xd8\xff\xda\0\0",
        b"\xff\xd8\xff\xda\0\x0c\1",
        b"\xff\xd8\xff\xe0\0\0\xff\xda\0\x02\xff\xd9",
        b"\xff\xd8" + b"\xff\xfe\0\x02" * 40 + b"\xff\xda\0\x02\xff\xd9",
        JPEGS["4:2:0"][:300] + EOI,
    ],
)
def test_broken_headers_are_not_plain(content: bytes) -> None:
    assert plain_jpeg_size(content) is None
    assert engine_jpeg_size(content) is None


def test_jpeg_with_exif_is_decoded_on_the_cpu() -> None:
    file, exif = BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16, 8)).save(file, "JPEG", exif=exif)
    assert engine_jpeg_size(file.getvalue()) is None


def test_file_for_the_engines_is_never_a_reject_of_the_cpu() -> None:
    """So rejects do not depend on the decoder, whatever has happened to a file."""
    prepare_pillow(MAX_PIXELS)
    sizes = []

    @settings(max_examples=1500, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(SMALL), st.sampled_from(SMALL), st.lists(mutations, min_size=1, max_size=2))
    def check(name: str, other: str, all_of_it: list) -> None:
        content = JPEGS[name]
        for mutation in all_of_it:
            content = mutated(content, JPEGS[other], mutation)
        size = engine_jpeg_size(content)
        if size is not None:
            sizes.append(size)
            if size[0] * size[1] <= MAX_PIXELS:
                assert decode(content, max_pixels=MAX_PIXELS).shape == (size[1], size[0], 3)

    check()
    assert len(sizes) > 200


def index_batch(files: dict[str, bytes], folder: Path) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    for name, content in files.items():
        path = folder / name.replace(":", "-")
        path.write_bytes(content)
        rows.append(
            {"image_id": name, "location_id": name, "view": 0, "uri": str(path), "member": None, "offset": None}
            | {"length": len(content), "modified": None, "shard": 0}
        )
    return pa.RecordBatch.from_pylist(rows)


def extracted(files: dict[str, bytes], folder: Path, back_end: str | None) -> tuple[dict, dict, Tally]:
    """(features by photograph, (reason, detail) by photograph, tally)."""
    preparation = Preparation(scaled_centre_crop(SIZE), MAX_PIXELS, 2, "float32", back_end=back_end)
    batches = [*extract([index_batch(files, folder)], pixel_network().load(), preparation)]
    rows = [row for batch in batches for row in batch.to_pylist()]
    features = {row["image_id"]: row["features"] for row in rows if row["kind"] == FEATURE}
    rejects = {row["image_id"]: (row["reason"], row["detail"]) for row in rows if row["kind"] == REJECT}
    (tally,) = (Tally.from_json(row["detail"]) for row in rows if row["kind"] == STATISTICS)
    return features, rejects, tally


@pytest.mark.compare
@pytest.mark.usefixtures("nvimgcodec")
def test_cpu_back_end_has_the_pixels_of_pillow() -> None:
    prepare_pillow(MAX_PIXELS)
    files = {name: content for name, content in JPEGS.items() if engine_jpeg_size(content)}
    decoded = EngineDecoder("CPU_ONLY").decode([*files.values()])
    assert {*SMALL} <= {*files}
    for content, picture in zip(files.values(), decoded, strict=True):
        assert picture is not None
        assert np.array_equal(picture, decode(content, max_pixels=MAX_PIXELS))


@pytest.mark.compare
@pytest.mark.usefixtures("nvimgcodec")
def test_decoders_are_kept_and_never_shared_by_two_threads() -> None:
    """200 batches in four threads: each gets the pixels of its own files, from at most four decoders."""
    engines = EngineDecoder("CPU_ONLY")
    new_decoder, n_made = engines._new_decoder, []
    engines._new_decoder = lambda: n_made.append(1) or new_decoder()  # type: ignore[method-assign]
    names = [SMALL[i % 4 : i % 4 + 3] for i in range(200)]
    with ThreadPoolExecutor(4) as pool:
        decoded = [*pool.map(lambda some: engines.decode([JPEGS[name] for name in some]), names)]
    alone = dict(zip(SMALL, engines.decode([JPEGS[name] for name in SMALL]), strict=True))
    for some, pictures in zip(names, decoded, strict=True):
        assert all(np.array_equal(picture, alone[name]) for name, picture in zip(some, pictures, strict=True))
    assert len(n_made) <= 3  # beside that of the probe


@pytest.mark.compare
@pytest.mark.usefixtures("nvimgcodec")
def test_extraction_gives_the_same_with_nvimagecodec(tmp_path: Path) -> None:
    """Photographs of every kind, damaged or not: features, rejects and reasons."""
    files = {**JPEGS, "truncated": JPEGS["4:4:4"][:-300], "empty": b"", "text": b"no picture"}
    expected_features, expected_rejects, _ = extracted(files, tmp_path, None)
    features, rejects, tally = extracted(files, tmp_path, "CPU_ONLY")
    assert rejects == expected_rejects
    assert features == expected_features
    assert {"truncated", "empty", "text"} <= {*rejects}
    assert tally.declined == 0


class Declining:
    """In place of engines, which this machine lacks: decodes every second file."""

    def __init__(self, back_end: str) -> None:
        self.back_end = back_end

    def decode(self, files: Sequence[bytes]) -> list[np.ndarray | None]:
        return [decode(file, max_pixels=MAX_PIXELS) if i % 2 else None for i, file in enumerate(files)]


def test_declined_jpegs_are_decoded_by_the_cpu_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{i} {name}": JPEGS[name] for name in (*SMALL, "progressive") for i in range(3)}
    expected, _, _ = extracted(files, tmp_path, None)
    monkeypatch.setattr(preparing, "engine_decoder", Declining)
    features, rejects, tally = extracted(files, tmp_path, "HW_GPU_ONLY")
    assert features == expected
    assert rejects == {}
    # Chunks are of two photographs, half a batch, and the three progressive ones at the end are not for the engines:
    # ten chunks decline their first, and that of the last plain and the first progressive one its only.
    assert (tally.images, tally.declined) == (24, 11)


def test_features_of_the_engines_have_their_own_fingerprint(tmp_path: Path) -> None:
    network = pixel_network()
    fingerprints, back_ends = [], []
    for decoder in ("auto", "cpu", "gpu"):
        config = run_config(tmp_path, decoder=decoder)
        fingerprints.append(fingerprint_of(network, config.features, config.images))
        back_ends.append(preparation_of(network, config.features, config.images).back_end)
    by_default, by_cpu, by_gpu = fingerprints
    assert by_default == by_cpu
    assert {name for name in by_gpu if by_gpu[name] != by_cpu.get(name)} == {"decoder"}
    assert back_ends == [None, None, "HW_GPU_ONLY"]


@pytest.mark.skipif(Path(GPU_DRIVER).exists(), reason="this machine has a GPU")
def test_gpu_that_is_missing_is_refused_before_the_run(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    small_run.set(features={"decoder": "gpu"})
    assert small_run.main("run", "--dry-run") == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "features.decoder is gpu, and" in error
    assert "set features.decoder to cpu" in error
    assert not small_run.work_dir.exists()


def test_gpu_that_decodes_and_does_not_compute_is_refused(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run.set(features={"decoder": "gpu", "device": "cpu"})
    assert small_run.main("run", "--dry-run") == 2
    assert "decoder: gpu needs device: auto or gpu" in " ".join(capsys.readouterr().err.split())
