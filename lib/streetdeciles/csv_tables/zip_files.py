"""The files in a zip archive."""

from __future__ import annotations

import zipfile

from streetdeciles import storage
from streetdeciles.errors import RunRefused


def zip_members(uri: str) -> dict[str, int] | None:
    """Names and sizes of the files in a zip archive; None where the file is no zip archive."""
    fs, path = storage.filesystem(uri)
    with fs.open(path, "rb") as file:
        if file.read(2) != b"PK":
            return None
        try:
            infos = zipfile.ZipFile(file).infolist()
        except zipfile.BadZipFile as error:
            raise RunRefused(f"{uri}: is a zip archive that cannot be read ({error}); download it again") from error
    # macOS adds a second file for each, with metadata of its own file system.
    return {i.filename: i.file_size for i in infos if not i.is_dir() and not i.filename.startswith("__MACOSX/")}
