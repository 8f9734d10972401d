"""Weight files that are made to run code, crash or exhaust the machine are refused, in a separate process."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_backbones_weights import SMALL, arrays, caffe_dict, write_pickled_npy

from paths import DATA
from streetdeciles.backbone_sources import weight_source
from streetdeciles.backbones.weights import read_weights
from streetdeciles.pickled import MAX_OPCODES

__all__ = ["arrays"]

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "lib"
READ = """
import resource, sys
from streetdeciles.backbone_sources import weight_source
from streetdeciles.backbones.weights import read_weights
from streetdeciles.errors import RunRefused
from mutated_weights import peak_mb
from test_backbones_weights import SMALL
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)
for path in sys.argv[1:]:
    try:
        print(sum(array.size for _, array in read_weights(weight_source(path), SMALL)))
    except RunRefused as refused:
        print(refused)
assert peak_mb() < 400, f"{peak_mb()} MB"
"""


def in_a_process(*arguments: str) -> str:
    """The output of a Python process; a crash fails the test."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SOURCES, HERE, HERE.parent)))}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=100, check=False
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout.strip()


class Asks:
    """When pickled, it asks for this call and state."""

    def __init__(self, *asked: Any) -> None:
        self.asked = asked

    def __reduce__(self) -> tuple[Any, ...]:
        return self.asked


RECONSTRUCT = np.zeros(0).__reduce__()[0]
OBJECTS_WITHOUT_FLAG = Asks(np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0))
ADDRESSES = Asks(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (1,), OBJECTS_WITHOUT_FLAG, False, b"A" * 8))
FLOAT32 = np.dtype("<f4")


def array_like(shape: Any = (2,), dtype: Any = FLOAT32, order: Any = False, content: Any = bytes(8)) -> Asks:
    return Asks(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, shape, dtype, order, content))


def npy(program: bytes) -> bytes:
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    return header.getvalue() + program


def kernel(held: Any, protocol: int = 2) -> bytes:
    """A file with this object as its first kernel, and None as its bias."""
    return npy(pickle.dumps({"conv1_1": [held, None]}, protocol=protocol))


HOSTILE = [
    (kernel(ADDRESSES), "expected floating-point numbers, found 'O8'"),
    (kernel(ADDRESSES, protocol=0), "expected floating-point numbers, found 'O8'"),
    (kernel(Asks(np.ndarray, ((1,), np.dtype("O"), bytes(8)))), "expected an array, found ndarray"),
    (kernel(array_like(shape=(2**62, 2**62))), "damaged, it has no shape"),
    (kernel(array_like(shape=(2**30, 2**9))), "does not fit its bytes"),
    (kernel(array_like(shape=(-1,))), "damaged, it has no shape"),
    (kernel(array_like(shape="ab")), "damaged, it has no shape"),
    (
        kernel(array_like(shape=(0, 2**39), content=b""), protocol=4),
        "expected shape (3, 3, 3, 2), found (0, 54",
    ),
    (kernel(array_like(content=bytes(7))), "does not fit its bytes"),
    (kernel(array_like(content=[1.0, 2.0])), "does not fit its bytes"),
    (kernel(array_like(dtype=np.dtype([("a", "O")]))), "expected floating-point numbers, found 'V8'"),
    (kernel(array_like(dtype=np.dtype("i4"))), "expected floating-point numbers, found 'i4'"),
    (kernel(array_like(dtype="f4")), "expected an array, found _reconstruct"),
    (kernel(Asks(RECONSTRUCT, (np.ndarray, (2**40,), b"b"))), "expected an array, found _reconstruct"),
    (kernel(np.float64(1)), "refused, the file would run numpy.core.multiarray.scalar"),
    (npy(b"\x80\x02}X\x01\x00\x00\x00ar\xff\xff\xff\x7fK\x01s."), "layer conv_a has no kernel"),
    (npy(b"})" + b"\x85" * (MAX_OPCODES - 100) + b"K\x01s."), "a dict whose keys are neither texts nor numbers"),
    (npy(b")" + b"\x85" * (MAX_OPCODES + 100) + b"."), "its pickle has more than 500,000 opcodes"),
    (npy(b"\x80\x04\x8e" + struct.pack("<Q", 2**60)), "the file is cut short or damaged"),
    (npy(b"\x80\x02T" + struct.pack("<I", 2**31)), "the file is cut short or damaged"),
    (npy(b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"."), "BYTEARRAY8, which weights do not need"),
    (npy(b"\x80\x02\x8b" + struct.pack("<I", 8) + bytes(8) + b"."), "LONG4, which weights do not need"),
    (npy(b"I" + b"9" * 5_000 + b"\n."), "cannot be read as weights"),
    (npy(b"cnumpy\ndtype\n(N}X\x0c\x00\x00\x00__defaults__)stb."), "a state of what has none"),
    (npy(b"cnumpy\ndtype\n)\x81."), "NEWOBJ, which weights do not need"),
    (npy(b"\x80\x02K\x01" + b"2" * 1_000 + b"."), "DUP, which weights do not need"),
    (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70_000, "damaged NumPy header"),
]


def test_hostile_npy_is_refused(tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.npy" for i in range(len(HOSTILE))]
    for file, (content, _) in zip(files, HOSTILE, strict=True):
        file.write_bytes(content)
    lines = in_a_process("-c", READ, *map(str, files)).splitlines()
    for file, line, (_, expected) in zip(files, lines, HOSTILE, strict=True):
        assert line.startswith(f"{file}: ")
        assert expected in line


def test_npy_larger_than_the_weights_can_be_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "vgg16.npy").open("wb") as file:
        file.write(npy(b"\x80\x02"))
        file.truncate(2**33)  # a hole, so no disk is used
    assert "has 8,590 MB; weights of small have 67 at most" in in_a_process("-c", READ, str(tmp_path / "vgg16.npy"))


@pytest.mark.parametrize("name", ["p0.npy", "p2.npy", "p4.npy", "zip.pt", "before_1_6.pt"])
def test_mutated_weights_are_read_or_refused(name: str, arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    file = tmp_path / name
    if name.endswith(".npy"):
        write_pickled_npy(file, caffe_dict(arrays), int(name[1]))
    else:
        shutil.copy(DATA / "torch_weights" / name, file)
    actual = json.loads(in_a_process(str(HERE / "mutated_weights.py"), str(file), "1", "300"))
    assert actual["refused"] > 150
    assert actual["read"] + actual["refused"] == 300
    assert actual["peak_mb"] < 400


def test_npy_of_big_endian_float64_is_read(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    swapped = {name: [array.astype(">f8") for array in pair] for name, pair in caffe_dict(arrays).items()}
    write_pickled_npy(tmp_path / "vgg16.npy", swapped, 2)
    assert in_a_process("-c", READ, str(tmp_path / "vgg16.npy")) == str(sum(array.size for array in arrays.values()))


def test_npy_of_python_2_is_read(tmp_path: Path) -> None:
    """Like the published vgg16.npy, whose texts and bytes of arrays are Python 2's strings."""
    program = b"\x80\x02}U\x07conv1_1]("
    for size, shape in ((54, b"(K\x03K\x03K\x03K\x02t"), (2, b"K\x02\x85")):
        content = np.arange(size, dtype="<f4").tobytes()
        program += b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + shape
        program += b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        program += b"T" + struct.pack("<I", len(content)) + content + b"tb"
    (tmp_path / "vgg16.npy").write_bytes(npy(program + b"es."))
    small = replace(SMALL, weight_shapes={"conv_a/kernel": (3, 3, 3, 2), "conv_a/bias": (2,)})
    actual = dict(read_weights(weight_source(str(tmp_path / "vgg16.npy")), small))
    assert np.array_equal(actual["conv_a/kernel"].ravel(), np.arange(54))
    assert np.array_equal(actual["conv_a/bias"], [0, 1])
