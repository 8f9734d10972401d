"""What a demo city's folder holds: its arguments and files, so that a second call knows what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streetdeciles import storage
from streetdeciles.errors import RunRefused

DRAWING = 1
"""Version of the drawing; raise it with each change that makes other pictures."""

MANIFEST = "manifest.json"
PHOTOGRAPHS = "photographs"
LOCATIONS = "locations.csv"
README = "README.md"


@dataclass(frozen=True)
class Arguments:
    """All that the pictures depend on; the input files by a digest of their content."""

    table: str
    boundaries: str
    district: str
    locations_per_area: int
    seed: int
    drawing: int = DRAWING


@dataclass(frozen=True)
class Manifest:
    """`files` has, by path below the folder, the length in bytes; it is empty until all of them are there."""

    arguments: Arguments
    locations: int
    damaged: Mapping[str, str]
    files: Mapping[str, int]

    def missing(self, folder: Path) -> list[str]:
        """The files that are not there, or not as long as they were."""
        return [file for file in self.files if not is_there(folder, file, self.files)]

    def write(self, folder: Path) -> None:
        storage.write_json(str(folder / MANIFEST), asdict(self))


def is_there(folder: Path, file: str, lengths: Mapping[str, int]) -> bool:
    """Whether the file is there and as long as `lengths` says; of any length where it does not say."""
    try:
        length = (folder / file).stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return False
    return length == lengths.get(file, length)


def check_arguments(table: str, boundaries: str, district: str, *, locations_per_area: int, seed: int) -> Arguments:
    """The arguments as they are compared and saved; RunRefused names the one that is not right."""
    if locations_per_area < 1:
        raise RunRefused(f"demo: --locations-per-area must be 1 or more, got {locations_per_area}")
    if seed < 0:
        raise RunRefused(f"demo: --seed must be 0 or more, got {seed}")
    for name, path in (("table", table), ("boundaries", boundaries)):
        if not Path(path).is_file():
            raise RunRefused(f"demo: --{name} {path}: no such file")
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (table, boundaries)]
    return Arguments(digests[0], digests[1], district, locations_per_area, seed)


def read_manifest(folder: Path, arguments: Arguments) -> Manifest | None:
    """What is in the folder, or None where it is new; RunRefused where it holds anything but this demo city."""
    if folder.exists() and not folder.is_dir():
        raise RunRefused(f"demo: --out {folder}: is a file; give a folder")
    if not (folder / MANIFEST).exists():
        foreign = [name for name in (PHOTOGRAPHS, LOCATIONS) if (folder / name).exists()]
        if foreign:
            raise RunRefused(
                f"{folder / foreign[0]}: not drawn by `python -m demo_city`; give an empty folder as --out"
            )
        return None
    try:
        values: dict[str, Any] = storage.read_json(str(folder / MANIFEST))
        manifest = Manifest(**{**values, "arguments": Arguments(**values["arguments"])})
    except (ValueError, KeyError, TypeError) as error:
        raise RunRefused(
            f"{folder / MANIFEST}: damaged ({error}); remove {folder}, to draw it again takes less than a minute"
        ) from error
    _refuse_others(folder, asdict(manifest.arguments), asdict(arguments))
    return manifest


def _refuse_others(folder: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    differ = [
        f"the content of --{key} has changed"
        if key in ("table", "boundaries")
        else f"{key} was {there[key]!r}, is {value!r}"
        for key, value in asked.items()
        if there[key] != value
    ]
    if differ:
        raise RunRefused(
            f"{folder} holds a demo city of other arguments ({'; '.join(differ)}); "
            "give another folder as --out, or remove this one"
        )
