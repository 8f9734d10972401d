"""Write docs/config.md, the reference of every key of a config, from the sections in `streetdeciles.config`."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streetdeciles.config import INPUT, NEUTRAL, RunConfig

PAGE = Path(__file__).with_name("config.md")

HEAD = """# Every key of a config

Written by `make config-doc` from `lib/streetdeciles/config/`; a test compares the two.
[`conf/demo.yaml`](../conf/demo.yaml) is an example, and [tutorial.md](tutorial.md) explains how to begin.
Paths are relative to the folder of the config file. A stage that is run alone needs only the sections that it reads.

*Results*: whether the value affects the results. Keys that do not can be changed at any time; changing the others needs
`--force`, or another `work_dir`.
"""

NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


class Key(NamedTuple):
    name: str
    kind: str
    default: str
    changes_results: bool
    text: str


def page() -> str:
    """The whole of docs/config.md."""
    parts = [HEAD]
    top_keys = [key for key in keys(RunConfig, "") if "." not in key.name]
    parts.append(_table("The run", "", top_keys))
    for name, field in RunConfig.model_fields.items():
        sections = _sections(field.annotation)
        if not sections:
            continue
        (section,) = sections
        section_keys = [*keys(section, f"{name}.", neutral=NEUTRAL in field.metadata)]
        parts.append(_table(f"`{name}`", _one_line(section.__doc__ or ""), section_keys))
    return "\n".join(parts)


def keys(section: type[BaseModel], prefix: str, *, neutral: bool = False) -> Iterator[Key]:
    """Each key of a section and of the sections in it, with its path."""
    texts = _texts(section)
    for name, field in section.model_fields.items():
        is_neutral = neutral or NEUTRAL in field.metadata
        inner = _sections(field.annotation)
        if inner and section is RunConfig:
            continue
        text = texts.get(name, "")
        if len(inner) == 1:
            text = f"{text} {_one_line(inner[0].__doc__ or '')}".strip()
        kind = "path" if name == "work_dir" else _kind(field.annotation, field)
        changes_results = not is_neutral and name != "work_dir"
        yield Key(f"{prefix}{field.alias or name}", kind, _default(field), changes_results, text)
        many = {list: "[]", dict: ".<name>"}.get(get_origin(field.annotation) or object, "")
        for one in inner:
            yield from keys(one, f"{prefix}{field.alias or name}{many}.", neutral=is_neutral)


def _table(title: str, text: str, table_keys: list[Key]) -> str:
    lines = [f"## {title}", ""]
    if text:
        lines += [text, ""]
    lines += ["| key | type | default | results | what it does |", "|---|---|---|---|---|"]
    for key in table_keys:
        cells = [f"`{key.name}`", key.kind, key.default, "yes" if key.changes_results else "no", key.text]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _texts(section: type[BaseModel]) -> dict[str, str]:
    """The text below each field in the source of a section."""
    body = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            texts[field.target.id] = _one_line(after.value.value)
    return texts


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The section that a field holds, perhaps in a list, the several that it may hold, or none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for inner in get_args(annotation) for section in _sections(inner)]


def _kind(annotation: Any, field: FieldInfo | None = None) -> str:
    """The type of a key in words, with its bounds."""
    origin, inside = get_origin(annotation), get_args(annotation)
    own = field.metadata if field else inside[1:] if origin is Annotated else ()
    bounds = _bounds(_flat(own))
    if INPUT in own and _sections(annotation):
        return "path or section"
    if INPUT in own:
        return "list of paths" if origin is list else "path or null" if NoneType in inside else "path"
    if origin is Annotated:
        return f"{_kind(inside[0])}{bounds}"
    if origin in (Union, UnionType):
        kinds = [_kind(one) for one in inside if one is not NoneType]
        return " or ".join([*kinds, *["null"] * (NoneType in inside)]) + bounds
    return _plain_kind(annotation, origin, inside) + bounds


def _plain_kind(annotation: Any, origin: Any, inside: tuple[Any, ...]) -> str:
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inside)
    if origin is list:
        return f"list of {_plural(_kind(inside[0]))}"
    if origin is dict:
        return f"{_kind(inside[0])}: {_kind(inside[1])}"
    return "section" if _sections(annotation) else NAMES[annotation]


def _plural(kind: str) -> str:
    return {"text": "texts", "section": "sections"}.get(kind, kind.replace("number", "numbers", 1))


def _flat(metadata: Any) -> list[Any]:
    return [inner for one in metadata for inner in (one.metadata if isinstance(one, FieldInfo) else [one])]


def _bounds(metadata: Any) -> str:
    signs = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}
    bounds = [f"{signs[type(one)][0]} {getattr(one, signs[type(one)][1]):,}" for one in metadata if type(one) in signs]
    bounds += [f"at least {one.min_length}" for one in metadata if isinstance(one, MinLen)]
    bounds += [f"at most {one.max_length}" for one in metadata if isinstance(one, MaxLen)]
    return f" ({', '.join(bounds)})" if bounds else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ""
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
