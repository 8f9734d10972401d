"""Files on web servers, also on those that send no parts of a file (range requests), or do not say how long it is."""

from __future__ import annotations

import io
import math
from typing import IO, Any, cast

from fsspec.implementations.http import HTTPFileSystem

from streetdeciles.errors import RunRefused

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""A file that is not larger is read as a whole where its server sends no parts of it."""

STEP_BYTES = 1024 * 1024


class WebFiles(HTTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's file system, whose files are read as far as asked for, and can be read from anywhere."""

    def _open(self, path: str, mode: str = "rb", **options: Any) -> IO[bytes]:
        file = super()._open(path, mode, **options)
        return cast(IO[bytes], _File(self, path, file))

    async def _isdir(self, path: str) -> bool:
        """As fsspec's, which would take any file for a page of links, and so read the whole of it."""
        try:
            info = await self._info(path)
        except FileNotFoundError:
            return False
        return info.get("mimetype") in (None, "text/html") and bool(await super()._isdir(path))

    async def _cat_file(self, url: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        """As fsspec's, which would take the whole file for the part."""
        if not start:
            return bytes(await super()._cat_file(url, start, end, **options))
        options = {**self.kwargs, **options}
        options["headers"] = {**options.get("headers", {}), "Range": await self._process_limits(url, start, end)}
        session = await self.set_session()
        async with session.get(self.encode_url(url), **options) as answer:
            self._raise_not_found_for_status(answer, url)
            if answer.status != 206:
                raise OSError("the server sends no parts of a file")
            return bytes(await answer.read())


class _File(io.RawIOBase):
    """fsspec's file, until it cannot go on; then one of the whole content."""

    def __init__(self, files: WebFiles, path: str, file: Any) -> None:
        self._files = files
        self._path = path
        self._file = file
        self.size: int | None = file.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, length: int | None = -1) -> bytes:
        """As many bytes, unless the file ends before; all if `length` is negative or None."""
        content = bytearray()
        wanted = math.inf if length is None or length < 0 else length
        while len(content) < wanted and (part := self._part(int(min(STEP_BYTES, wanted - len(content))))):
            content += part
        return bytes(content)

    def _part(self, length: int) -> bytes:
        try:
            return bytes(self._file.read(length))
        except ValueError:  # fsspec's, where the server ignores that a part is asked for
            self._keep()
            return bytes(self._file.read(length))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            self._file.seek(offset, whence)
        except ValueError:  # fsspec's, where the server sends the file from its beginning only
            self._keep()
            self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()

    def _keep(self) -> None:
        start = self.tell()
        self._file.close()
        self._file = io.BytesIO(self._whole())
        self._file.seek(start)

    def _whole(self) -> bytes:
        content = bytearray()
        with HTTPFileSystem._open(self._files, self._path, block_size=0) as stream:
            while part := stream.read(STEP_BYTES):
                content += part
                if len(content) > MAX_KEPT_BYTES:
                    raise RunRefused(
                        f"{self._path}: the server sends no parts of a file, and this one is larger than "
                        f"{MAX_KEPT_BYTES // 1024**2} MB; copy it to a disk or an object store"
                    )
        return bytes(content)
