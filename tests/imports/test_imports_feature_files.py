"""NumPy files of one location: what is read, and what is refused with a reason; nothing is unpickled."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest

from streetdeciles.imports import feature_files
from streetdeciles.imports.feature_files import Unusable, read_features

FEATURES = np.arange(12, dtype=np.float64).reshape(3, 4)


def npy(array: Any, **options: Any) -> bytes:
    file = BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        npy(FEATURES),
        npy(np.asfortranarray(FEATURES)),
        npy(FEATURES.astype(">f4")),
        npy(FEATURES.astype(np.int16)),
        npz(anything=FEATURES),
        npz(other=FEATURES[0], features=FEATURES),
    ],
)
def test_views_and_numbers_are_read(content: bytes) -> None:
    features = read_features(content)

    assert features.dtype == np.float32
    assert features.tolist() == FEATURES.tolist()


def test_one_dimension_is_one_view() -> None:
    assert read_features(npy(FEATURES[1])).tolist() == [[4, 5, 6, 7]]


def test_float64_beyond_float32_becomes_infinite() -> None:
    assert read_features(npy(np.array([1e300, 1.0]))).tolist() == [[np.inf, 1.0]]


HUGE = b"\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (100000000000,), }".ljust(127) + b"\n"


@pytest.mark.parametrize(
    ("content", "reason", "detail"),
    [
        (b"", "not_an_array", "cannot be read as a NumPy file"),
        (b"PK\3\4 and no more", "not_an_array", "not a zip file"),
        (npy(FEATURES)[:-8], "not_an_array", "cannot reshape array of size 11"),
        (HUGE, "not_an_array", "cannot reshape array of size 0"),
        (npy(np.array([{"a": 1}], object), allow_pickle=True), "not_numbers", "holds pickled objects"),
        (npy(np.array(["a"])), "not_numbers", "holds <U1; expected numbers, e.g. float32"),
        (npy(np.array(1.0)), "wrong_shape", "a single value; expected [views, numbers] or [numbers]"),
        (npy(np.zeros((0, 4))), "wrong_shape", "0 x 4"),
        (npy(np.zeros((2, 2, 2))), "wrong_shape", "2 x 2 x 2"),
        (npy(np.zeros((17, 2))), "wrong_shape", "17 x 2"),
        (npz(a=FEATURES, b=FEATURES), "not_an_array", "its arrays are a, b; expected one, or one that is called"),
    ],
)
def test_other_content_has_its_reason(content: bytes, reason: str, detail: str) -> None:
    with pytest.raises(Unusable) as refused:
        read_features(content)

    assert refused.value.reason == reason
    assert detail in refused.value.detail


def test_small_file_that_becomes_a_large_one_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_files, "MAX_BYTES", 1000)

    with pytest.raises(Unusable, match="more than 1000 bytes when decompressed"):
        read_features(npz(features=np.zeros((1, 1000))))
