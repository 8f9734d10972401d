"""From a YAML file to a checked `RunConfig`: what is not right is named by its key, all of it at once."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from fsspec.core import url_to_fs
from pydantic import BaseModel, ValidationError

from streetdeciles.config import ENCODERS, INPUT, FeaturesConfig, RunConfig, input_paths
from streetdeciles.errors import RunRefused


def load_config(path: str) -> RunConfig:
    """Read, check and resolve the YAML file at `path`; RunRefused names each key that is not right."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise RunRefused(f"{path}: cannot read the config ({error.strerror}); give one with --config") from error
    try:
        values = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise RunRefused(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise RunRefused(f"{path}: expected a mapping with the keys {', '.join(RunConfig.model_fields)}")
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise RunRefused(f"{path}: {'; '.join(_explain(error))}") from error
    config = _resolve_paths(config, Path(path).absolute().parent)
    _check_inputs(path, config)
    return config


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which refuses a key that stands twice instead of taking the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (key_node, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark)
        return super().construct_mapping(node, deep)


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        where = [part for part in problem["loc"] if not (isinstance(part, str) and "[" in part)]
        key = ".".join(str(part) for part in where) or "the whole"
        if problem["type"] == "extra_forbidden":
            allowed = _keys_beside(where[:-1])
            near = difflib.get_close_matches(str(where[-1]), allowed, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            yield f"{key}: unknown key; {hint}allowed: {', '.join(allowed)}"
        elif problem["type"] == "missing":
            yield f"{key}: is missing"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            yield f"{key}: {message[0].lower()}{message[1:]}, got {problem['input']!r:.80}"


def _keys_beside(where: list[Any]) -> list[str]:
    model: Any = RunConfig
    for part in where:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        models = [kind for kind in (annotation, *get_args(annotation)) if hasattr(kind, "model_fields")]
        model = models[0]
    return list(model.model_fields)


def _resolve_paths(config: RunConfig, folder: Path) -> RunConfig:
    def resolve(path: str) -> str:
        return path if "://" in path else str((folder / path).resolve())

    def resolved(section: Any) -> Any:
        changed: dict[str, Any] = {}
        for name, field in type(section).model_fields.items():
            value = getattr(section, name)
            if isinstance(value, BaseModel):
                changed[name] = resolved(value)
            elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
                changed[name] = [resolved(item) for item in value]
            elif INPUT in field.metadata and value is not None:
                changed[name] = resolve(value)
        return section.model_copy(update=changed)

    config = resolved(config)
    update: dict[str, Any] = {"work_dir": resolve(config.work_dir)}
    files = {name: resolve(path) for name, path in _network_files(config.features).items()}
    update["features"] = config.features.model_copy(update=files)
    return config.model_copy(update=update)


def _check_inputs(path: str, config: RunConfig) -> None:
    paths = [*input_paths(config)]
    paths += [(f"features.{name}", path) for name, path in _network_files(config.features).items()]
    missing = [f"{key}: {value}: no such file or folder" for key, value in paths if not _exists(value)]
    if missing:
        raise RunRefused(f"{path}: {'; '.join(missing)}; correct the path (relative to the config's folder)")


def _network_files(features: FeaturesConfig) -> dict[str, str]:
    """The fields that hold a file here, where others hold a name."""
    found = {"backbone": features.backbone, "weights": features.weights}
    folder = features.backbone in ENCODERS and not features.weights.startswith("random:")
    files = {name: value for name, value in found.items() if value.endswith((".h5", ".keras", ".npy"))}
    return {**files, "weights": features.weights} if folder else files


def _exists(path: str) -> bool:
    fs, path_there = url_to_fs(path)
    return bool(fs.exists(path_there))
