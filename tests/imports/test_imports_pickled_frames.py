"""Pickled DataFrames are read as data: the frames of every pandas give their texts, and nothing in the file is run."""

from __future__ import annotations

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from streetdeciles.errors import RunRefused
from streetdeciles.imports.pickled_frames import PickledFrame, read_frame

PROTOCOLS = (0, 2, 4, 5)

FRAME = pd.DataFrame({"img_id": ["00001", "00002", None], "lsoa11": ["E1", "E2", "E3"], "imd": [1, 2, 3], "x": 0.5})


def read(frame: Any, protocol: int = 5) -> PickledFrame:
    return read_frame(BytesIO(pickle.dumps(frame, protocol)), "table.pkl")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]"])
def test_texts_of_any_protocol_and_kind_are_read(protocol: int, dtype: str) -> None:
    frame = read(FRAME.astype({"img_id": dtype}), protocol)

    assert frame.columns == ("img_id", "lsoa11", "imd", "x")
    assert frame.column("img_id").to_pylist() == ["00001", "00002", None]
    assert frame.column("lsoa11").to_pylist() == ["E1", "E2", "E3"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_whole_numbers_become_texts(protocol: int) -> None:
    frame = read(FRAME.assign(small=np.array([7, 8, 9], ">i2"), objects=pd.Series([1, "2", None])), protocol)

    assert frame.column("imd").to_pylist() == ["1", "2", "3"]
    assert frame.column("small").to_pylist() == ["7", "8", "9"]
    assert frame.column("objects").to_pylist() == ["1", "2", None]
    assert read(FRAME.assign(n=pd.array([4, None, 6], "Int64"))).column("n").to_pylist() == ["4", None, "6"]


def test_rows_are_in_the_order_of_the_frame_whatever_its_index() -> None:
    both = pd.concat([FRAME, FRAME.assign(img_id=["c", "b", "a"])])

    assert read(both[both["imd"] > 1]).column("img_id").to_pylist() == ["00002", None, "b", "a"]
    assert read(FRAME.iloc[::-1]).column("lsoa11").to_pylist() == ["E3", "E2", "E1"]


def test_columns_in_either_order_of_memory_are_not_mixed_up() -> None:
    for order in ("C", "F"):
        frame = pd.DataFrame(np.array([["a", "b"], ["c", "d"], ["e", "f"]], object, order=order), columns=["x", "y"])
        assert read(frame).column("y").to_pylist() == ["b", "d", "f"]
        numbers = pd.DataFrame(np.array([[1, 2], [3, 4], [5, 6]], order=order), columns=["x", "y"])
        assert read(numbers).column("y").to_pylist() == ["2", "4", "6"]


def test_other_columns_do_not_matter() -> None:
    frame = FRAME.assign(
        day=pd.Timestamp("2019-04-18"),
        moment=pd.Timestamp("2019-04-18", tz="UTC"),
        kind=pd.Categorical(["a", "b", "a"]),
    )

    assert read(frame).column("img_id").to_pylist() == ["00001", "00002", None]
    with pytest.raises(RunRefused, match="column kind: its values are of a kind that is not read"):
        read(frame).column("kind")


@pytest.mark.parametrize("dtype", ["string", "string[pyarrow]"])
def test_frames_of_pandas_3_are_read(dtype: str) -> None:
    """There public classes say that they are in `pandas` or `pandas.arrays`, and columns' names are texts of Arrow."""
    frame = FRAME.astype({"img_id": dtype, "lsoa11": dtype})
    frame.columns = frame.columns.astype(dtype)
    raw = pickle.dumps(frame, 2)
    for module, public in {
        "pandas.core.frame": "pandas",
        "pandas.core.arrays.string_arrow": "pandas.arrays",
        "pandas.core.arrays.string_\nStringDtype": "pandas\nStringDtype",
        "pandas.core.arrays.string_": "pandas.arrays",
        "pandas.core.indexes.base\nIndex": "pandas\nIndex",
        "pandas.core.indexes.range": "pandas",
        "numpy.core": "numpy._core",
    }.items():
        raw = raw.replace(f"c{module}".encode(), f"c{public}".encode())

    read_back = read_frame(BytesIO(raw), "new.pkl")

    assert read_back.columns == ("img_id", "lsoa11", "imd", "x")
    assert read_back.column("img_id").to_pylist() == ["00001", "00002", None]


class _OldManager:
    """A BlockManager as pandas up to 1.2 pickled it: by its state."""

    def __reduce__(self) -> Any:
        axes = [FRAME.columns[:2], pd.RangeIndex(3)]
        block = {"values": FRAME[["img_id", "lsoa11"]].to_numpy().T, "mgr_locs": slice(0, 2, 1)}
        return _reconstructor, (), (axes, [], [], {"0.14.1": {"axes": axes, "blocks": [block]}})


class _OldFrame:
    def __reduce__(self) -> Any:
        return _reconstructor, (), {"_data": _OldManager(), "_typ": "dataframe", "_metadata": []}


def _reconstructor() -> None:
    """Stands for the classes in the pickle, which have other names in it."""


def test_frames_of_pandas_of_the_time_of_the_paper_are_read() -> None:
    raw = pickle.dumps(_OldFrame(), 2)
    own = f"c{__name__}\n_reconstructor\n".encode()
    first, second = raw.index(own), raw.rindex(own) if raw.count(own) > 1 else -1
    if second < 0:  # the second use of the function is taken from the memo
        memo = raw[first + len(own) : first + len(own) + 2]
        assert memo[:1] == b"q"
        second = raw.index(b"h" + memo[1:], first)
        raw = raw[:second] + b"cpandas.core.internals\nBlockManager\n" + raw[second + 2 :]
    raw = raw.replace(own, b"cpandas.core.frame\nDataFrame\n", 1)

    frame = read_frame(BytesIO(raw), "old.pkl")

    assert frame.columns == ("img_id", "lsoa11")
    assert frame.column("img_id").to_pylist() == ["00001", "00002", None]
    assert frame.column("lsoa11").to_pylist() == ["E1", "E2", "E3"]


class _Program:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


def test_program_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match=r"table\.pkl: refused, the file would run pathlib.+ and tables hold arrays"):
        read(FRAME.assign(x=[_Program(tmp_path / "was_run")] * 3))

    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"img_id": ["00001"]}, "expected a DataFrame, found dict"),
        (FRAME["img_id"], r"would run pandas\.core\.series\.Series"),
        (FRAME.to_numpy(), "expected a DataFrame, found _reconstruct|_frombuffer"),
    ],
)
def test_other_pickles_are_refused(content: Any, expected: str) -> None:
    with pytest.raises(RunRefused, match=expected):
        read(content)


def test_numbers_with_fractions_are_refused_as_ids() -> None:
    with pytest.raises(RunRefused, match=r"column x, row 0: expected a text or a whole number as an id, found 0\.5"):
        read(FRAME).column("x")


def test_pickle_cut_anywhere_is_refused_or_gives_nothing() -> None:
    whole = pickle.dumps(FRAME, 5)

    for end in range(0, len(whole) - 1, 7):
        with pytest.raises(RunRefused, match=r"table\.pkl"):
            read_frame(BytesIO(whole[:end]), "table.pkl").column("img_id")


def test_damaged_bytes_never_raise_anything_else() -> None:
    for dtype in ("object", "string[pyarrow]"):
        whole = bytearray(pickle.dumps(FRAME.astype({"img_id": dtype}), 5))
        random = np.random.default_rng(0)
        for _ in range(400):
            damaged = bytearray(whole)
            damaged[random.integers(len(whole))] = random.integers(256)
            try:
                frame = read_frame(BytesIO(bytes(damaged)), "table.pkl")
                for column in frame.columns:
                    frame.column(column)
            except RunRefused:
                pass
