"""The YAML of a config as plain values, whatever the file holds: size, nodes and depth are bounded."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, NamedTuple

import yaml

MAX_BYTES = 2**17
MAX_NODES = 5_000
"""The maximum number of keys, values and lists, counting those that an alias repeats."""
MAX_DEPTH = 20
MAX_DIGITS = 30
"""Characters of an integer."""

PADDED = re.compile(r"[+-]?0[0-9_]+")
"""A number with leading zeros, such as the heading 045, is decimal as in YAML 1.2; in YAML 1.1 it is octal, 37."""

EXPONENT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+")
"""1e-3 is a number as in YAML 1.2; YAML 1.1 took it for text, for want of a point."""


def parse_yaml(content: bytes) -> Any:
    """The values in a YAML file of UTF-8; ValueError says in one line what cannot be read, and where."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 1024} KB, which no config needs")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    try:
        return yaml.load(text, Loader=_BoundedLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        why = " ".join(filter(None, (error.context, error.problem)))
        raise ValueError(f"not valid YAML: {where}{why:.500}") from error
    except yaml.reader.ReaderError as error:
        raise ValueError(
            f"not valid YAML: character {error.position + 1} is {error.character!r}, which no text has"
        ) from error


class _Extent(NamedTuple):
    nodes: int
    depth: int


class _BoundedLoader(yaml.SafeLoader):
    """YAML's safe loader without tags and merge keys; it refuses a key that appears twice and aliases that multiply."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._depth = 0
        self._deepest = 0
        self._extents: dict[int, _Extent] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            raise _error(f"a tag, {event.tag}; write the value without it", event)
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._extents:
                raise _error(f"the alias *{event.anchor} is part of what it stands for", event)
            self._enter(self._extents[id(node)], event)
            return node
        nodes, deepest = self._nodes, self._deepest
        self._deepest = self._depth
        self._enter(_Extent(1, 1), event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._extents[id(node)] = _Extent(self._nodes - nodes, self._deepest - self._depth)
        self._deepest = max(deepest, self._deepest)
        return node

    def _enter(self, extent: _Extent, event: yaml.Event) -> None:
        self._nodes += extent.nodes
        self._deepest = max(self._deepest, self._depth + extent.depth)
        if self._nodes > MAX_NODES:
            raise _error(f"more than {MAX_NODES:,} keys and values, which no config needs", event)
        if self._deepest > MAX_DEPTH:
            raise _error(f"nested more than {MAX_DEPTH} levels deep", event)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise _error("merge keys (<<) are not supported; write the keys out", key_node)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise _error("a key must be a word", key_node)
            if key in keys:
                raise _error(f"key {key!r:.80} appears twice", key_node)
            keys.add(key)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(node)
            if node.tag == "tag:yaml.org,2002:int" and PADDED.fullmatch(node.value):
                return int(node.value.replace("_", ""))
            if node.style is None and EXPONENT.fullmatch(node.value):
                return float(node.value)
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # 2026-99-99 looks like a date
            raise _error(f"{node.value!r:.80} is not a value ({error}); put text in quotes", node) from error


def _check_scalar(node: yaml.ScalarNode) -> None:
    if node.tag == "tag:yaml.org,2002:int" and len(node.value) > MAX_DIGITS:
        raise _error(f"a number of more than {MAX_DIGITS} digits; put text in quotes", node)
    if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and ":" in node.value:
        raise _error(f"{node.value} would be a number to the base 60; put text in quotes", node)
    if "\0" in node.value or any("\ud800" <= character <= "\udfff" for character in node.value):
        raise _error(f"{node.value!r:.80} holds a NUL or half a character, which no name or path can", node)


def _error(problem: str, at: Any) -> yaml.MarkedYAMLError:
    """`at`: the node or event whose position in the file the error names."""
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)
