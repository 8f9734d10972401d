"""From a YAML file to a checked `RunConfig`; all mistakes are reported at once, each with its key."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any, get_args

from fsspec import available_protocols
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from streetdeciles import file_names, storage
from streetdeciles.catalog_inputs import with_copies_in
from streetdeciles.config import INPUT, REPLACED_BY_IMPORT, RunConfig, input_paths
from streetdeciles.config.features import network_files
from streetdeciles.config_yaml import MAX_BYTES, parse_yaml
from streetdeciles.errors import RunRefused, reason
from streetdeciles.shown import HIDDEN, hide_secrets_in, is_secret, without_secrets
from streetdeciles.stages import STAGE_NAMES, sections_read
from streetdeciles.uris import STORES, resolved_path

MAX_PROBLEMS = 10
"""Named in one refusal."""


def load_config(path: str, stages: Collection[str] = STAGE_NAMES) -> RunConfig:
    """Read, check and resolve the YAML file at `path`, a path or a URI; RunRefused names each wrong key.

    Sections that none of `stages` reads may be absent, and the inputs that they name need not exist.
    """
    try:
        values = parse_yaml(_read(path))
    except ValueError as error:
        raise RunRefused(f"{path}: {error}") from error
    if not isinstance(values, dict):
        raise RunRefused(f"{path}: expected a mapping with the keys {', '.join(RunConfig.model_fields)}")
    hide_secrets_in(values, by_key=("spark",))
    read = sections_read(stages)
    missing = [_missing(name, stages) for name in _required(values) if name in read and name not in values]
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise RunRefused(f"{path}: {'; '.join(_first(missing, error))}") from error
    if missing:
        raise RunRefused(f"{path}: {'; '.join(missing)}")
    try:
        config = _resolve_paths(config, _folder_of(path))
    except (OSError, ValueError) as error:  # a circle of links, a name that is too long
        raise RunRefused(f"{path}: a path cannot be resolved ({error})") from error
    _check_inputs(path, config, read)
    return config


def _read(path: str) -> bytes:
    """The content of the file, of which at most one byte more than a config may have is read."""
    try:
        if not storage.is_local(path):
            fs, remote_path = storage.filesystem(path)
            with fs.open(remote_path, "rb") as remote:
                return bytes(remote.read(MAX_BYTES + 1))
        local = Path(storage.local_path(path)) if storage.is_uri(path) else Path(path)
        if local.exists() and not (local.is_file() or local.is_dir()):
            raise RunRefused(f"{path}: the config is not a regular file")  # reading a pipe may wait for ever
        with local.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except RunRefused:
        raise
    except Exception as error:  # each kind of store has its own errors
        why = error.strerror if isinstance(error, OSError) and error.strerror else reason(error, 200)
        raise RunRefused(f"{path}: cannot read the config ({why}); give one with --config") from error


def _folder_of(path: str) -> str:
    """The folder or URI to which the paths in the config are relative."""
    if storage.is_local(path):
        return str(Path(storage.local_path(path) if storage.is_uri(path) else path).absolute().parent)
    return path.rpartition("/")[0]


REQUIRED = ("labels", "images", "dataset")
"""Sections without defaults."""

PATTERN_SIGNS = {"*", "?", "["}
"""With one of these in a path on an object store, fsspec copies and removes all paths that match."""


def _required(values: Mapping[str, Any]) -> tuple[str, ...]:
    dataset = values.get("dataset")
    imports_features = isinstance(dataset, dict) and dataset.get("import") is not None
    return tuple(name for name in REQUIRED if not (imports_features and name in REPLACED_BY_IMPORT))


def _missing(section: str, stages: Collection[str]) -> str:
    reading = next(stage for stage in stages if section in sections_read([stage]))
    return f"{section}: is missing; the stage {reading} reads it"


def _first(missing: Sequence[str], error: ValidationError) -> Iterator[str]:
    yield from islice(chain(missing, _explain(error)), MAX_PROBLEMS)
    more = len(missing) + error.error_count() - MAX_PROBLEMS
    if more > 0:
        yield f"and {more:,} more"


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        unknown = problem["type"] == "extra_forbidden"
        path = problem["loc"][:-1] if unknown else problem["loc"]
        # Pydantic adds the kinds of a union, such as list[str].
        where = [f"{part!s:.80}" for part in path if not (isinstance(part, str) and "[" in part)]
        where += [f"{problem['loc'][-1]!s:.80}"] if unknown else []
        key = ".".join(where) or "the whole"
        if unknown:
            allowed = _keys_beside(problem["loc"][:-1])
            near = difflib.get_close_matches(where[-1], allowed, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            yield f"{key}: unknown key; {hint}allowed: {', '.join(allowed)}"
        elif problem["type"] == "missing":
            yield f"{key}: is missing"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            got = HIDDEN if where and is_secret(where[-1]) else without_secrets(problem["input"])
            # YAML reads no, 2019 and 2019-01-01 as a truth value, a number and a date.
            quotes = "; put it in quotes" if isinstance(got, bool | int | float | date) and "string" in message else ""
            got_text = f", got {got!r:.80}{quotes}" if where else ""
            yield f"{key}: {message[0].lower()}{message[1:]}{got_text}"


def _keys_beside(where: tuple[int | str, ...]) -> list[str]:
    models: list[type[BaseModel]] = [RunConfig]
    for part in where:
        # Of a union Pydantic adds which kind it is.
        kinds = [model for model in models if part == f"[{model.__name__}]"]
        if kinds:
            models = kinds
        elif part in (fields := _fields(models[0])):  # else an index, or the name of an outcome
            models = _models_in(fields[str(part)].annotation) or models
    return list(_fields(models[0]))


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by their keys in the config."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def _resolve_paths(config: RunConfig, folder: str) -> RunConfig:
    def resolve(path: str) -> str:
        if storage.is_uri(path):
            return path
        if storage.is_local(folder) or path.startswith("/"):
            return resolved_path(Path(folder) / path)
        scheme, _, remote_folder = folder.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(remote_folder, path))}"

    def resolved(section: Any) -> Any:
        changed: dict[str, Any] = {}
        for name, value in section:
            field = type(section).model_fields[name]
            if name not in section.model_fields_set:
                continue  # a default names no path, and stays a default
            if isinstance(value, BaseModel):
                changed[name] = resolved(value)
            elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
                changed[name] = [resolved(item) for item in value]
            elif isinstance(value, dict):
                changed[name] = {
                    key: resolved(item) if isinstance(item, BaseModel) else item for key, item in value.items()
                }
            elif INPUT in field.metadata and isinstance(value, list):
                changed[name] = [resolve(path) for path in value]
            elif INPUT in field.metadata and value is not None:
                changed[name] = resolve(value)
        return section.model_copy(update=changed)

    config = resolved(config)
    if not config.work_dir.strip():
        raise ValueError("work_dir is empty")
    update: dict[str, Any] = {"work_dir": resolve(config.work_dir)}
    files = {name: resolve(path) for name, path in network_files(config.features).items()}
    if files:
        update["features"] = config.features.model_copy(update=files)
    return with_copies_in(config.model_copy(update=update), update["work_dir"])


def _check_inputs(path: str, config: RunConfig, sections: Collection[str]) -> None:
    """RunRefused if an input that one of the `sections` names does not exist."""
    paths = [*input_paths(config)]
    paths += [(f"features.{name}", path) for name, path in network_files(config.features).items()]
    paths = [(key, value) for key, value in paths if key.partition(".")[0] in sections]
    wrong = [f"{key}: {value}: {why}" for key, value in paths if (why := _why_missing(value))]
    if why := _why_unknown(config.work_dir):
        wrong.append(f"work_dir: {config.work_dir}: {why}")
    elif why := _why_impossible(config.work_dir):
        wrong.append(f"work_dir {config.work_dir}: nothing can be written there ({why})")
    if wrong:
        raise RunRefused(f"{path}: {'; '.join(wrong)}; correct the path (relative to the config's folder)")


def _why_missing(path: str) -> str | None:
    try:
        if storage.exists(path):
            return None
    except RunRefused as error:
        return f"cannot be looked up ({error})"
    except Exception as error:  # each kind of store has its own errors for a bad address or missing credentials
        return f"cannot be looked up ({reason(error, 200)}); {_PREFIX_HINT}"
    encoding = file_names.python_encoding()
    if encoding == "utf-8" or path.isascii() or not storage.is_local(path):
        return "no such file or folder"
    return f"no such file or folder, with file names in {encoding}; {file_names.ADVICE}"


def _why_unknown(path: str) -> str | None:
    if not storage.is_local(path) and PATTERN_SIGNS & {*path}:
        return "* ? [ would be taken for a pattern there; choose a name without them"
    protocol, separator, _ = path.partition("://")
    known = not storage.is_uri(path) or not separator or protocol in {*available_protocols(), *STORES}
    return None if known else f"unknown protocol {protocol}; {_PREFIX_HINT}"


def _why_impossible(path: str) -> str | None:
    """Why the file system cannot have such a name, e.g. because it is too long."""
    if not storage.is_local(path):
        return None
    try:
        Path(storage.local_path(path)).exists()
    except OSError as error:
        return error.strerror
    return None


_PREFIX_HINT = "write ./ before a local path that looks like a URI"
