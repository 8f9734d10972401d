"""PyTorch's weight files (`torch.save(network.state_dict(), …)`), read without PyTorch.

Such a file is a zip archive of a pickle and the numbers or, before PyTorch 1.6, a pickle followed by the numbers. A
pickle can run any program when it is opened, so it is read as data (`pickled.py`): only tensors and dicts.
"""

from __future__ import annotations

import re
import zipfile
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from streetdeciles import storage
from streetdeciles.errors import RunRefused, reason
from streetdeciles.file_damage import DAMAGE
from streetdeciles.pickled import Admitted, Call, Held, Name, NotAdmitted, read_pickle

Array = npt.NDArray[Any]

PICKLE_MB = 1
"""Maximum size of a zip archive's pickle, which holds names and shapes; the numbers are in other members."""

MAX_REPETITION = 2
"""The tensors may hold at most this multiple of the numbers of their storages, because several may be views of the same
storage. Without a limit, a small file could ask for any number of copies."""

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


def read_state_dict(uri: str) -> dict[str, Array]:
    """The arrays of a `state_dict` by name, in the file's order; bfloat16 becomes float32.

    Raises:
        RunRefused: the file does not exist, is damaged, is not a state_dict, or holds anything but tensors.
    """
    fs, path = storage.filesystem(uri)
    try:
        with fs.open(path, "rb") as file:
            start = file.read(len(_ZIP))
            file.seek(0)
            return _read_zip(file) if start == _ZIP else _read_legacy(file)
    except FileNotFoundError as error:
        raise RunRefused(f"{uri}: no such file") from error
    except NotAdmitted as error:
        raise RunRefused(f"{uri}: {error}") from error
    except DAMAGE as error:
        raise RunRefused(
            f"{uri}: cannot be read ({reason(error, 120)}); expected a complete file written by "
            "torch.save(network.state_dict(), …)"
        ) from error


def _shown(text: str) -> str:
    """A name from a file, made safe for a terminal."""
    return ascii(text)[1:-1][:80]


class _Storage(NamedTuple):
    """Numbers that tensors are views of."""

    key: str
    kind: str
    """One of _KINDS' values."""
    numbers: int

    @property
    def size(self) -> int:
        return self.numbers * (2 if self.kind == _BFLOAT16 else np.dtype(self.kind).itemsize)

    def check_bytes(self, n_bytes: int) -> None:
        if n_bytes != self.size:
            raise NotAdmitted(
                f"the file is truncated or damaged: storage {_shown(self.key)} has {n_bytes} bytes, "
                f"expected {self.size}"
            )

    def array(self, content: bytes) -> Array:
        self.check_bytes(len(content))
        if self.kind == _BFLOAT16:
            return (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4")
        return np.frombuffer(content, self.kind)


class _Tensor(NamedTuple):
    held: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, numbers: Array) -> Array:
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides).copy()


_ORDERED_DICT = Name("collections", "OrderedDict")
_TENSORS = (Name("torch._utils", "_rebuild_tensor"), Name("torch._utils", "_rebuild_tensor_v2"))
_PARAMETER = Name("torch._utils", "_rebuild_parameter")
_STORAGES = {Name(module, name): kind for module in ("torch", "torch.cuda") for name, kind in _KINDS.items()}
_ADMITTED = {_ORDERED_DICT, *_TENSORS, _PARAMETER, *_STORAGES}


def _read_zip(file: BinaryIO) -> dict[str, Array]:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise NotAdmitted("a zip archive that torch.save did not write: expected one <name>/data.pkl in it")
        folder = pickles[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist() and (
            archive.getinfo(order).file_size > len(b"little") or archive.read(order) != b"little"
        ):
            raise NotAdmitted("written by a big-endian machine; save it on another")
        size = archive.getinfo(pickles[0]).file_size
        if size > PICKLE_MB * 2**20:
            raise NotAdmitted(f"its data.pkl is larger than {PICKLE_MB} MB, and weights need some kilobytes")
        with archive.open(pickles[0]) as member:
            tensors = _tensors(read_pickle(member, size, Admitted(_ADMITTED)))  # type: ignore[arg-type]  # has read and tell
        storages = _storages(tensors)
        for key, held in storages.items():
            about = archive.getinfo(f"{folder}data/{key}")
            if about.compress_type != zipfile.ZIP_STORED or about.file_size != about.compress_size:
                raise NotAdmitted("its numbers are compressed, and torch.save does not compress")
            held.check_bytes(about.file_size)
        numbers = {key: held.array(archive.read(f"{folder}data/{key}")) for key, held in storages.items()}
    return {name: tensor.array(numbers[tensor.held.key]) for name, tensor in tensors.items()}


def _read_legacy(file: BinaryIO) -> dict[str, Array]:
    """Pickles of a magic number, the version, the machine, the dict and the storages' keys, then the storages."""
    size = file.seek(0, 2)
    file.seek(0)
    magic, _, machine = (read_pickle(file, size, Admitted(())) for _ in range(3))
    if magic != _LEGACY:
        raise NotAdmitted("not a file written by torch.save")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise NotAdmitted("written by a big-endian machine; save it on another")
    tensors = _tensors(read_pickle(file, size, Admitted(_ADMITTED)))
    storages = _storages(tensors)
    numbers = {}
    for key in _texts(read_pickle(file, size, Admitted(()))):
        file.read(8)  # the number of values, again
        held = storages[key]
        if held.size > size - file.tell():
            held.check_bytes(size - file.tell())
        numbers[key] = held.array(file.read(held.size))
    return {name: tensor.array(numbers[tensor.held.key]) for name, tensor in tensors.items()}


def _tensors(unpickled: object) -> dict[str, _Tensor]:
    items = unpickled
    if isinstance(unpickled, Call) and unpickled.function == _ORDERED_DICT:
        items = unpickled.items
    if not isinstance(items, dict):
        raise NotAdmitted(f"expected a state_dict, found {_kind(unpickled)}")
    tensors = {}
    for name, held in items.items():
        value = held.arguments[0] if _calls(held, _PARAMETER) and held.arguments else held
        if not isinstance(name, str) or not name.isprintable() or not _calls(value, *_TENSORS):
            what = f"{_shown(name)}: {_kind(value)}" if isinstance(name, str) else type(name).__name__
            raise NotAdmitted(f"expected tensors by name, found {what}; save network.state_dict() by itself")
        tensors[name] = _tensor(value)
    return tensors


def _tensor(call: Call) -> _Tensor:
    """The arguments of `torch._utils._rebuild_tensor_v2`; refuses a view beyond the end of its storage."""
    match call.arguments:
        case (Held(about), int(offset), tuple(shape), tuple(strides), *_) if len(shape) == len(strides) <= 32:
            held = _storage(about)
        case _:
            raise NotAdmitted("the file is damaged: a tensor without storage, shape and strides")
    if any(type(n) is not int or not 0 <= n < 2**48 for n in (offset, *shape, *strides)):
        raise NotAdmitted("the file is damaged: a tensor without storage, shape and strides")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if prod(shape) > held.numbers or (prod(shape) and last >= held.numbers):
        raise NotAdmitted(f"the file is damaged: a tensor of shape {shape} extends beyond its storage")
    return _Tensor(held, offset, shape, strides)


def _storage(about: object) -> _Storage:
    match about:
        case (str(), Name() as kind, str(key), _, int(numbers), *view) if kind in _STORAGES and numbers >= 0:
            if view not in ([], [None]):
                raise NotAdmitted("its storages are parts of other storages; save it again with PyTorch 1.6 or newer")
            return _Storage(key, _STORAGES[kind], numbers)
    raise NotAdmitted("the file is damaged: a storage without type, name and size")


def _storages(tensors: dict[str, _Tensor]) -> dict[str, _Storage]:
    """The storages by key; refuses tensors that would take much more memory than the file."""
    storages: dict[str, _Storage] = {}
    for tensor in tensors.values():
        if storages.setdefault(tensor.held.key, tensor.held) != tensor.held:
            raise NotAdmitted(f"the file is damaged: two storages are called {_shown(tensor.held.key)}")
    stored = sum(held.numbers for held in storages.values())
    if sum(prod(tensor.shape) for tensor in tensors.values()) > MAX_REPETITION * stored:
        raise NotAdmitted(f"refused, its tensors repeat the same numbers more than {MAX_REPETITION} times")
    return storages


def _texts(unpickled: object) -> list[str]:
    if not isinstance(unpickled, list) or not all(isinstance(key, str) for key in unpickled):
        raise NotAdmitted("the file is damaged: no list of storages")
    return unpickled


def _calls(value: object, *functions: Name) -> bool:
    return isinstance(value, Call) and value.function in functions


def _kind(value: object) -> str:
    return value.function.name if isinstance(value, Call) else type(value).__name__
