"""JPEGs by simplejpeg: the same pixels and reasons as by Pillow, whatever happened to the file."""

from __future__ import annotations

import threading
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import example_files, mutated
from PIL import Image
from test_features_mutations import mutations

from paths import DATA
from streetdeciles.extraction import decoding
from streetdeciles.extraction.decoding import decode, prepare_pillow
from streetdeciles.extraction.rejects import Rejected

MAX_PIXELS = 3_000_000


def jpegs() -> dict[str, bytes]:
    """The examples that are JPEGs, and a small one in each way that JPEGs are written."""
    files = {name: content for name, content in example_files().items() if content.startswith(b"\xff\xd8")}
    with Image.open(DATA / "photos" / "mapillary_06.jpg") as photo:
        small = photo.convert("RGB").resize((101, 67))
    ways: dict[str, dict[str, Any]] = {name: {"subsampling": name} for name in ("4:4:4", "4:2:2", "4:2:0", "4:1:1")}
    ways |= {"coarse": {"quality": 5}, "restarts": {"restart_marker_rows": 1}, "progressive": {"progressive": True}}
    for name, options in ways.items():
        file = BytesIO()
        small.save(file, "JPEG", **options)
        files[name] = file.getvalue()
    file = BytesIO()
    small.convert("L").save(file, "JPEG")
    return {**files, "grey": file.getvalue()}


JPEGS = jpegs()


def outcome(content: bytes) -> np.ndarray | str:
    try:
        return decode(content, max_pixels=MAX_PIXELS)
    except Rejected as rejected:
        return str(rejected)


def assert_same_without_simplejpeg(content: bytes, monkeypatch: pytest.MonkeyPatch) -> np.ndarray | str:
    actual = outcome(content)
    with monkeypatch.context() as patched:
        patched.setattr(decoding, "_by_simplejpeg", lambda *_: None)
        expected = outcome(content)
    assert type(actual) is type(expected)
    assert np.array_equal(actual, expected)
    return actual


@pytest.mark.parametrize("name", sorted(JPEGS))
def test_jpeg_has_the_pixels_of_pillow(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_pillow(MAX_PIXELS)
    assert_same_without_simplejpeg(JPEGS[name], monkeypatch)


def test_small_jpegs_do_not_need_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_to_rgb", lambda image: pytest.fail("decoded by Pillow"))
    for name in ("4:4:4", "4:2:2", "4:2:0", "4:1:1", "restarts", "progressive", "grey", "coarse"):
        assert decode(JPEGS[name], max_pixels=MAX_PIXELS).shape == (67, 101, 3)


def test_damaged_jpegs_have_the_pixels_and_reasons_of_pillow() -> None:
    prepare_pillow(MAX_PIXELS)
    outcomes = []

    @settings(max_examples=600, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(JPEGS)), st.sampled_from(sorted(JPEGS)), st.lists(mutations, min_size=1, max_size=3))
    def check(name: str, other: str, all_of_it: list) -> None:
        content = JPEGS[name]
        for mutation in all_of_it:
            content = mutated(content, JPEGS[other], mutation)
        with pytest.MonkeyPatch.context() as patched:
            outcomes.append(assert_same_without_simplejpeg(content, patched))

    check()
    assert sum(isinstance(one, np.ndarray) for one in outcomes) > 30
    assert sum(isinstance(one, str) for one in outcomes) > 100


def test_thread_that_decodes_does_not_stop_others() -> None:
    """54 megapixels; with the interpreter's lock held, another thread would count to a handful meanwhile."""
    file = BytesIO()
    Image.new("RGB", (9000, 6000), (10, 200, 30)).save(file, "JPEG")
    decoder = threading.Thread(target=lambda: decode(file.getvalue(), max_pixels=60_000_000))
    count = 0
    decoder.start()
    while decoder.is_alive():
        count += 1
    assert count > 100_000
