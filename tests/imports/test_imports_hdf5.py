"""HDF5 files of features: their shapes, slices of them, and files that are refused with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from streetdeciles.errors import RunFailed, RunRefused
from streetdeciles.imports import hdf5_features
from streetdeciles.imports.hdf5_features import FeatureFile, open_features, read_rows

FEATURES = np.arange(7 * 2 * 3, dtype=np.float32).reshape(7, 2, 3)


def write(path: Path, **arrays: Any) -> str:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return str(path)


@pytest.mark.parametrize(
    ("array", "expected"),
    [(FEATURES, FEATURES), (FEATURES.astype("f2"), FEATURES), (FEATURES[:, 0].astype(">f8"), FEATURES[:, :1])],
)
def test_slices_are_the_rows_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: Any, expected: np.ndarray
) -> None:
    monkeypatch.setattr(hdf5_features, "SLICE_BYTES", 4 * 2 * expected[0].size)  # two rows
    features = open_features(write(tmp_path / "features.h5", features=array))
    slices = [*read_rows(features, 1, 6)]

    assert (features.rows, features.views, features.feature_size) == expected.shape
    assert [(row, len(some)) for row, some, _ in slices] == [(1, 2), (3, 2), (5, 1)]
    assert np.concatenate([some for _, some, _ in slices]).tolist() == expected[1:6].tolist()
    assert all(mask.all() for _, _, mask in slices)


def test_view_mask_of_an_export_says_which_views_there_are(tmp_path: Path) -> None:
    mask = np.arange(14).reshape(7, 2) % 3 > 0
    features = open_features(write(tmp_path / "features.h5", features=FEATURES, view_mask=mask))

    ((_, _, read),) = read_rows(features, 0, 7)

    assert read.tolist() == mask.tolist()


def external_link(path: Path) -> None:
    write(path.with_name("other.h5"), features=FEATURES)
    with h5py.File(path, "w") as file:
        file["features"] = h5py.ExternalLink("other.h5", "features")


def raw_file(path: Path) -> None:
    path.with_name("secrets").write_bytes(bytes(48))
    with h5py.File(path, "w") as file:
        file.create_dataset("features", (3, 4), "f4", external=[(str(path.with_name("secrets")), 0, 48)])


def virtual(part: str, *, exists: bool) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        if exists:
            write(path.parent / part, features=FEATURES)
        layout = h5py.VirtualLayout((7, 2, 3), "f4")
        layout[:] = h5py.VirtualSource(part, "features", (7, 2, 3))
        with h5py.File(path, "w") as file:
            file.create_virtual_dataset("features", layout)

    return make


def cut(path: Path) -> None:
    write(path, features=np.zeros((100, 2, 30)))
    path.write_bytes(path.read_bytes()[:3000])


def group(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("features")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: write(path, feats=FEATURES, y=[1]), "has no data set features; it has feats, y"),
        (lambda path: write(path, features=[b"a", b"b"]), "features is 2; expected"),
        (lambda path: write(path, features=np.zeros((2, 17, 3))), "features is 2 x 17 x 3; expected .+ at most 16"),
        (lambda path: write(path, features=np.zeros((2, 3), complex)), "of type complex128; expected numbers"),
        (lambda path: write(path, features=np.zeros((0, 4, 8))), "features is 0 x 4 x 8"),
        (lambda path: write(path, features=FEATURES, view_mask=[True]), "view_mask is 1 of type bool; expected 7 x 2"),
        (group, "features is not an array"),
        (external_link, "features is a link to another file"),
        (raw_file, "the numbers of features are in other files"),
        (virtual("part.h5", exists=False), r"is in several files, and part\.h5 is missing; copy all of them"),
        (virtual("../part.h5", exists=True), "is in files of other folders"),
        (cut, "cannot be read as HDF5 .+ incomplete or damaged"),
        (lambda path: path.write_bytes(b"img_id,x\n"), "cannot be read as HDF5"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, make: Callable[[Path], Any], expected: str) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "features.h5"
    make(path)

    with pytest.raises(RunRefused, match=expected):
        open_features(str(path))


def test_parts_beside_a_virtual_data_set_are_read(tmp_path: Path) -> None:
    virtual("part.h5", exists=True)(tmp_path / "features.h5")
    features = open_features(str(tmp_path / "features.h5"))

    assert next(read_rows(features, 0, 7))[1].tolist() == FEATURES.tolist()


def test_damaged_rows_fail_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "features.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("features", data=np.random.default_rng(0).normal(size=(64, 2, 30)), compression="gzip")
    content = bytearray(path.read_bytes())
    content[-2000:-1000] = bytes(1000)
    path.write_bytes(content)

    with pytest.raises(RunFailed, match="rows 0 to 63 of features cannot be read"):
        [*read_rows(open_features(str(path)), 0, 64)]


def test_file_that_has_become_smaller_fails(tmp_path: Path) -> None:
    uri = write(tmp_path / "features.h5", features=FEATURES)

    with pytest.raises(RunFailed, match="has other features than at the start of the stage"):
        [*read_rows(FeatureFile(uri, 9, 2, 3, has_view_mask=False), 0, 9)]
