"""Pickles read as data: the calls in a pickle are recorded, but never made, and nothing is imported.

`pickle.Unpickler` with an allow-list is not enough for files from outside. The classes that it admits can be misused,
an index in the memo can take all memory, and the hash of a tuple in a tuple in a tuple … ends the process. Here a
pickle becomes dicts, lists, tuples, texts, bytes and numbers, and `Call` for everything else.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, cast

from streetdeciles.shown import shown

MAX_OPCODES = 500_000
OF_OBJECTS = ("NEWOBJ", "BYTEARRAY8")
"""Opcodes that weights do not need, and objects with arrays do."""

LONGEST_TEXT = 256
"""The maximum size of a Python 2 string that is read as text; a longer one holds an array and stays bytes."""


class NotAdmitted(Exception):
    """The pickle holds something that its content does not need; the text says what."""


class Name(NamedTuple):
    """A class or function that the pickle names."""

    module: str
    name: str


class Held(NamedTuple):
    """Data that the pickle says is stored beside it, such as a tensor's numbers."""

    about: Any


@dataclass(eq=False)
class Call:
    """A call that the pickle asks for, with what it would put into the result."""

    function: Name
    arguments: tuple[Any, ...]
    items: dict[str | int, Any] = field(default_factory=dict)
    state: Any = None


@dataclass(frozen=True)
class Admitted:
    """What a pickle may hold: names, and a number of opcodes. `content` says in messages what it should be."""

    names: Collection[Name]
    content: str = "weights"
    max_opcodes: int = MAX_OPCODES
    of_objects: bool = False
    """Whether it may hold OF_OBJECTS."""


def read_pickle(file: BinaryIO, size: int, admitted: Admitted) -> Any:
    """The next pickle of `file`, which is left behind its end.

    Args:
        size: bytes of the file up to which the pickle may go.
        admitted: what it may hold.

    Raises:
        NotAdmitted: it holds something else.
        ValueError: it is damaged.
    """
    machine = _Machine(_Bounded(file, size), admitted)
    try:
        return machine.run()
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"damaged pickle: {error!s:.120}") from error


class _Bounded:
    """Reads no further than the file goes, so that no length in it takes memory before it is known to be true."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size - file.tell()

    def read(self, n: int) -> bytes:
        if not 0 <= n <= self._left:
            raise ValueError("the file is cut short or damaged")
        return self._counted(self._file.read(n))

    def readline(self) -> bytes:
        return self._counted(self._file.readline(self._left))

    def _counted(self, content: bytes) -> bytes:
        self._left -= len(content)
        return content


class _Machine:
    """A pickle's stack and memo. Marks part the stack in pieces."""

    def __init__(self, file: _Bounded, admitted: Admitted) -> None:
        self._file = file
        self._admitted = admitted
        self._names = frozenset(admitted.names)
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(self._admitted.max_opcodes):
            opcode = _OPCODES[self._file.read(1)]
            if opcode.name == "STOP":
                return self._stack.pop()
            if opcode.name in _TEXTS_OF_PYTHON_2:
                content = self._file.read(int.from_bytes(self._file.read(_TEXTS_OF_PYTHON_2[opcode.name]), "little"))
                self._stack.append(content.decode("latin-1") if len(content) <= LONGEST_TEXT else content)
                continue
            is_other = opcode.name in OF_OBJECTS and not self._admitted.of_objects
            if is_other or (opcode.name not in _VALUES and opcode.name not in _ACTIONS):
                raise ValueError(
                    f"it holds the pickle opcode {opcode.name}, which {self._admitted.content} do not need"
                )
            argument = opcode.arg.reader(cast(BinaryIO, self._file)) if opcode.arg else None
            if opcode.name in _VALUES:
                self._stack.append(argument)
            else:
                _ACTIONS[opcode.name](self, argument)
        raise NotAdmitted(f"refused, its pickle has more than {self._admitted.max_opcodes:,} opcodes")

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def above_mark(self) -> list[Any]:
        above, self._stack = self._stack, self._below.pop()
        return above

    def last(self, n: int) -> tuple[Any, ...]:
        items = [self._stack.pop() for _ in range(n)]
        return tuple(reversed(items))

    def put(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def add(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise ValueError("damaged pickle: values are added to what is not a list")
        self._stack[-1].extend(values)

    def set(self, pairs: list[Any]) -> None:
        into = self._stack[-1].items if isinstance(self._stack[-1], Call) else self._stack[-1]
        if type(into) is not dict or len(pairs) % 2:
            raise ValueError("damaged pickle: items are set in what is not a dict")
        into.update(_dict(pairs))

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("damaged pickle: a name that is not a text")
        if (module, name) not in self._names:
            raise NotAdmitted(
                f"refused, the file would run {shown(f'{module:.80}.{name:.80}')} and {self._admitted.content} hold "
                "arrays only; take it from a source that you trust"
            )
        self._stack.append(Name(module, name))

    def call(self) -> None:
        function, arguments = self.last(2)
        if not isinstance(function, Name) or type(arguments) is not tuple:
            raise ValueError("damaged pickle: a call of what is not a function")
        self._stack.append(Call(function, arguments))

    def build(self) -> None:
        (state,) = self.last(1)
        if not isinstance(self._stack[-1], Call):
            raise ValueError("damaged pickle: a state of what has none")
        self._stack[-1].state = state


def _dict(pairs: list[Any]) -> dict[str | int, Any]:
    keys, values = pairs[::2], pairs[1::2]
    if not all(type(key) in (str, int) for key in keys):  # others may nest without end, and hashing them would too
        raise NotAdmitted("refused, it holds a dict whose keys are neither texts nor numbers")
    return dict(zip(keys, values, strict=True))


_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}

_TEXTS_OF_PYTHON_2 = {"BINSTRING": 4, "SHORT_BINSTRING": 1}
"""Bytes of the length in front. Arrays of hundreds of MB come this way, which must not become text first."""

_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    "BYTEARRAY8",
}

_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": lambda machine, _: machine.mark(),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.push(machine.last(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.last(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.last(3)),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.above_mark())),
    "LIST": lambda machine, _: machine.push(machine.above_mark()),
    "DICT": lambda machine, _: machine.push(_dict(machine.above_mark())),
    "APPEND": lambda machine, _: machine.add([*machine.last(1)]),
    "APPENDS": lambda machine, _: machine.add(machine.above_mark()),
    "SETITEM": lambda machine, _: machine.set([*machine.last(2)]),
    "SETITEMS": lambda machine, _: machine.set(machine.above_mark()),
    "PUT": lambda machine, index: machine.put(index),
    "BINPUT": lambda machine, index: machine.put(index),
    "LONG_BINPUT": lambda machine, index: machine.put(index),
    "MEMOIZE": lambda machine, _: machine.put(None),
    "GET": lambda machine, index: machine.get(index),
    "BINGET": lambda machine, index: machine.get(index),
    "LONG_BINGET": lambda machine, index: machine.get(index),
    "GLOBAL": lambda machine, both: machine.name(*both.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.last(2)),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.push(Held(*machine.last(1))),
}
