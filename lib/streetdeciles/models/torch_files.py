"""PyTorch's files of weights (`torch.save(network.state_dict(), …)`), read without PyTorch.

Such a file is a pickle with the numbers beside it, in a zip archive or, before PyTorch 1.6, behind it. A pickle can
run any program when it is opened. Here it is read by an unpickler that knows tensors and dicts and nothing else.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.errors import RunRefused

Array = npt.NDArray[Any]

PICKLE_MB = 1
"""Of a zip archive's pickle, which holds names and shapes; the numbers are in members of their own."""

_ZIP = b"PK\x03\x04"
_LEGACY = 0x1950A86A20F9469CFC6C
_BFLOAT16 = "bfloat16"
_KINDS = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
_DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What unpickler and zip reader raise of files that are cut short, or are something else."""


def read_state_dict(uri: str) -> dict[str, Array]:
    """The arrays of a `state_dict` by name, in the file's order; bfloat16 becomes float32.

    Raises:
        RunRefused: no such file, not a state_dict, damaged, or holding anything but tensors.
    """
    fs, path = storage.filesystem(uri)
    try:
        with fs.open(path, "rb") as file:
            start = file.read(len(_ZIP))
            file.seek(0)
            return _read_zip(file) if start == _ZIP else _read_legacy(file)
    except FileNotFoundError as error:
        raise RunRefused(f"{uri}: there is no such file") from error
    except _NotWeights as error:
        raise RunRefused(f"{uri}: {error}") from error
    except _DAMAGE as error:
        raise RunRefused(
            f"{uri}: cannot be read ({' '.join(str(error).split())[:120]}); expected a file that "
            "torch.save(network.state_dict(), …) has written, whole"
        ) from error


def _shown(text: str) -> str:
    """A name out of a file, as it may be put on a terminal."""
    return ascii(text)[1:-1][:80]


class _NotWeights(Exception):
    """The file is another one than expected; the text says how."""


class _Kind(NamedTuple):
    """A class such as torch.FloatStorage."""

    dtype: str

    @property
    def bytes(self) -> int:
        return 2 if self.dtype == _BFLOAT16 else np.dtype(self.dtype).itemsize


class _Storage(NamedTuple):
    """Numbers that tensors are views of."""

    key: str
    kind: _Kind
    numbers: int

    def array(self, content: bytes) -> Array:
        if len(content) != self.numbers * self.kind.bytes:
            raise _NotWeights(
                f"the file is cut short or damaged: storage {_shown(self.key)} has {len(content)} bytes, "
                f"expected {self.numbers * self.kind.bytes}"
            )
        if self.kind.dtype == _BFLOAT16:
            return (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4")
        return np.frombuffer(content, self.kind.dtype)


class _Tensor(NamedTuple):
    held: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, numbers: Array) -> Array:
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides).copy()


class _Dict(dict[Any, Any]):
    """Stands for OrderedDict; attributes, such as a state_dict's `_metadata`, are left out."""

    def __setstate__(self, state: object) -> None:
        pass


def _tensor(held: object, offset: Any, shape: Any, strides: Any, *_: object) -> _Tensor:
    """Stands for `torch._utils._rebuild_tensor_v2`; a view that leads out of its storage is refused."""
    numbers = (offset, *shape, *strides)
    if (
        not isinstance(held, _Storage)
        or any(type(n) is not int or n < 0 for n in numbers)
        or len(shape) != len(strides)
    ):
        raise _NotWeights("the file is damaged: a tensor without storage, shape and strides")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if prod(shape) > held.numbers or (prod(shape) and last >= held.numbers):
        raise _NotWeights(f"the file is damaged: a tensor of shape {tuple(shape)} leads out of its storage")
    return _Tensor(held, offset, tuple(shape), tuple(strides))


def _parameter(tensor: object, *_: object) -> object:
    """Stands for `torch._utils._rebuild_parameter`."""
    return tensor


_ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _Dict,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


class _TensorsOnly(pickle.Unpickler):
    """`storages`: those that the pickle has named, by key."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.cuda") and name in _KINDS:
            return _Kind(_KINDS[name])
        if (module, name) not in _ADMITTED:
            raise _NotWeights(
                f"refused, the file would run {_shown(f'{module}.{name}')} and weights hold tensors only; "
                "take it from a source that you trust, and save network.state_dict(), not the network"
            )
        return _ADMITTED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, key, _, numbers, *view = pid[1:]
        if not isinstance(kind, _Kind) or not isinstance(key, str) or type(numbers) is not int or numbers < 0:
            raise _NotWeights("the file is damaged: a storage without type, name and size")
        if view not in ([], [None]):
            raise _NotWeights("its storages are parts of others; save it again with PyTorch 1.6 or newer")
        return self.storages.setdefault(key, _Storage(key, kind, numbers))


def _read_zip(file: BinaryIO) -> dict[str, Array]:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise _NotWeights("a zip archive that torch.save has not written: expected one <name>/data.pkl in it")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise _NotWeights("written by a big-endian machine; save it on another")
        if archive.getinfo(pickles[0]).file_size > PICKLE_MB * 2**20:
            raise _NotWeights(f"its data.pkl is larger than {PICKLE_MB} MB, and weights need some kilobytes")
        with archive.open(pickles[0]) as member:
            unpickler = _TensorsOnly(member)
            tensors = _tensors(unpickler.load())
        numbers = {}
        for key, held in unpickler.storages.items():
            if archive.getinfo(f"{folder}data/{key}").compress_type != zipfile.ZIP_STORED:
                raise _NotWeights("its numbers are compressed, which torch.save does not do")
            numbers[key] = held.array(archive.read(f"{folder}data/{key}"))
    return {name: tensor.array(numbers[tensor.held.key]) for name, tensor in tensors.items()}


def _read_legacy(file: BinaryIO) -> dict[str, Array]:
    """A pickle each of a magic number, the version, the machine, the dict and the storages' keys, then the storages."""
    magic, _, machine = (_TensorsOnly(file).load() for _ in range(3))
    if magic != _LEGACY:
        raise _NotWeights("not a file of torch.save")
    if not machine["little_endian"]:
        raise _NotWeights("written by a big-endian machine; save it on another")
    unpickler = _TensorsOnly(file)
    tensors = _tensors(unpickler.load())
    numbers = {}
    for key in _TensorsOnly(file).load():
        held = unpickler.storages[key]
        file.read(8)  # their number again
        numbers[key] = held.array(file.read(held.numbers * held.kind.bytes))
    return {name: tensor.array(numbers[tensor.held.key]) for name, tensor in tensors.items()}


def _tensors(found: object) -> dict[str, _Tensor]:
    if not isinstance(found, dict):
        raise _NotWeights(f"expected a state_dict, found {type(found).__name__.lstrip('_')}")
    for name, value in found.items():
        if not isinstance(name, str) or not name.isprintable() or not isinstance(value, _Tensor):
            kind = type(value).__name__.lstrip("_")
            what = f"{_shown(name)}: {kind}" if isinstance(name, str) else type(name).__name__
            raise _NotWeights(f"expected tensors by name, found {what}; save network.state_dict() by itself")
    return found
