"""A folder mounted as Databricks mounts `/Volumes`: it speaks FUSE with the kernel itself, so it needs no library.

Files are written from beginning to end: no appending, no writing elsewhere, no sparse files, no shared memory maps, no
links. Folders cannot be renamed, and permissions and times cannot be set (that is ignored). Run as a program, because a
process must not wait for itself: `python volume_mount.py <mount point> <folder behind it>`, until it is terminated.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

MAX_WRITE = 2**17
HEADER = struct.Struct("<IIQQIIII")
ANSWER = struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<6Q10I")
DIRECT_IO = 1
SIZE_IS_SET = 8


class Volume:
    """The file system, by the numbers of the kernel's requests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = {1: ""}
        self._numbers = {"": 1}
        self._files: dict[int, Path] = {}
        self._ends: dict[int, int] = {}
        """Where the next byte must be written, by handle."""
        self._listings: dict[int, list[tuple[str, int]]] = {}
        self._answers: dict[int, Callable[[int, bytes], bytes]] = {
            1: self._lookup,
            3: self._getattr,
            4: self._setattr,
            9: self._mkdir,
            10: self._unlink,
            11: self._rmdir,
            12: partial(self._rename, 8),
            14: self._open,
            15: self._read,
            16: self._write,
            17: self._statfs,
            18: self._release,
            20: self._nothing,
            25: self._nothing,
            26: self._init,
            27: self._opendir,
            28: self._readdir,
            29: self._releasedir,
            30: self._nothing,
            35: self._create,
            45: partial(self._rename, 16),
        }

    def serve(self, device: int) -> None:
        """Answer requests until the folder is unmounted."""
        while True:
            try:
                request = os.read(device, MAX_WRITE + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return
            _, opcode, unique, node, *_ = HEADER.unpack_from(request)
            if opcode in (2, 42):  # forget: expects no answer
                continue
            try:
                if opcode not in self._answers:
                    raise OSError(errno.EOPNOTSUPP if opcode in (6, 8, 13, 43) else errno.ENOSYS, "")
                body, code = self._answers[opcode](node, request[HEADER.size :]), 0
            except OSError as error:
                body, code = b"", -(error.errno or errno.EIO)
            os.write(device, ANSWER.pack(ANSWER.size + len(body), code, unique) + body)

    def _path(self, node: int, name: bytes = b"") -> Path:
        below = self._paths[node]
        return self._folder / below / os.fsdecode(name.rstrip(b"\0")) if name else self._folder / below

    def _node(self, path: Path) -> int:
        below = str(path.relative_to(self._folder))
        number = self._numbers.setdefault("" if below == "." else below, len(self._paths) + 1)
        self._paths[number] = below
        return number

    def _entry(self, path: Path) -> bytes:
        attributes = self._attributes(path)
        return struct.pack("<QQQQII", self._node(path), 0, 0, 0, 0, 0) + attributes

    def _attributes(self, path: Path) -> bytes:
        s = path.lstat()
        seconds = [int(t) for t in (s.st_atime, s.st_mtime, s.st_ctime)]
        parts = [ns % 10**9 for ns in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        owner = (s.st_mode | 0o666, 1, os.getuid(), os.getgid(), 0, 4096, 0)
        return ATTRIBUTES.pack(s.st_ino, s.st_size, -(-s.st_size // 512), *seconds, *parts, *owner)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(self._path(node, body))

    def _getattr(self, node: int, body: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._attributes(self._path(node))

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        path = self._path(node)
        if valid & SIZE_IS_SET and size != path.stat().st_size:
            if size:
                raise OSError(errno.EOPNOTSUPP, "files grow by writing only")
            os.truncate(path, 0)
        if valid & SIZE_IS_SET:  # as opening a file to write it anew does
            self._ends.update((handle, 0) for handle, opened in self._files.items() if opened == path)
        return self._getattr(node, b"")

    def _mkdir(self, node: int, body: bytes) -> bytes:
        path = self._path(node, body[8:])
        path.mkdir()
        return self._entry(path)

    def _unlink(self, node: int, body: bytes) -> bytes:
        self._path(node, body).unlink()
        return b""

    def _rmdir(self, node: int, body: bytes) -> bytes:
        self._path(node, body).rmdir()
        return b""

    def _rename(self, names_at: int, node: int, body: bytes) -> bytes:
        (target,) = struct.unpack_from("<Q", body)
        old, new = body[names_at:].split(b"\0")[:2]
        source = self._path(node, old)
        if source.is_dir():
            raise OSError(errno.EOPNOTSUPP, "folders cannot be renamed")
        source.replace(self._path(target, new))
        return b""

    def _open(self, node: int, body: bytes) -> bytes:
        (flags,) = struct.unpack_from("<I", body)
        return self._opened(self._path(node), flags)

    def _create(self, node: int, body: bytes) -> bytes:
        (flags,) = struct.unpack_from("<I", body)
        path = self._path(node, body[16:])
        opened = self._opened(path, flags | os.O_CREAT)
        return self._entry(path) + opened

    def _opened(self, path: Path, flags: int) -> bytes:
        writes = flags & os.O_ACCMODE != os.O_RDONLY
        if writes and flags & os.O_APPEND:
            raise OSError(errno.EOPNOTSUPP, "files cannot be appended to")
        kept = os.O_ACCMODE | os.O_CREAT | os.O_EXCL | os.O_TRUNC
        handle = os.open(path, flags & kept, 0o666)
        self._files[handle] = path
        # Whoever opens a file that has bytes, and does not empty it, may write nowhere.
        self._ends[handle] = os.fstat(handle).st_size and -1
        return struct.pack("<QII", handle, DIRECT_IO if writes else 0, 0)

    def _read(self, node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(handle, size, offset)

    def _write(self, node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        if offset != self._ends[handle]:
            raise OSError(errno.EOPNOTSUPP, "files are written from beginning to end")
        content = memoryview(body)[40 : 40 + size]
        self._ends[handle] += os.write(handle, content)
        return struct.pack("<II", size, 0)

    def _release(self, node: int, body: bytes) -> bytes:
        (handle,) = struct.unpack_from("<Q", body)
        del self._files[handle]
        os.close(handle)
        return b""

    def _statfs(self, node: int, body: bytes) -> bytes:
        s = os.statvfs(self._folder)
        counts = (s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree)
        return struct.pack("<5Q4I24x", *counts, s.f_bsize, 255, s.f_frsize, 0)

    def _opendir(self, node: int, body: bytes) -> bytes:
        handle = max(self._listings, default=0) + 1
        self._listings[handle] = [(path.name, 4 if path.is_dir() else 8) for path in self._path(node).iterdir()]
        return struct.pack("<QII", handle, 0, 0)

    def _releasedir(self, node: int, body: bytes) -> bytes:
        (handle,) = struct.unpack_from("<Q", body)
        del self._listings[handle]
        return b""

    def _readdir(self, node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        listed = b""
        for number, (name, kind) in enumerate(self._listings[handle][offset:], start=offset + 1):
            encoded = os.fsencode(name)
            entry = struct.pack("<QQII", number + 1, number, len(encoded), kind) + encoded
            entry += b"\0" * (-len(entry) % 8)
            if len(listed) + len(entry) > size:
                break
            listed += entry
        return listed

    def _nothing(self, node: int, body: bytes) -> bytes:
        return b""

    def _init(self, node: int, body: bytes) -> bytes:
        readahead = struct.unpack_from("<4I", body)[2]
        big_writes = 1 << 5
        return struct.pack("<4IHHIIHH28x", 7, 31, readahead, big_writes, 8, 6, MAX_WRITE, 1, 0, 0)


def _mount(device: int, point: Path) -> None:
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"volume", os.fsencode(point), b"fuse.volume", 0, options.encode()):
        raise OSError(ctypes.get_errno(), f"cannot mount {point}: {os.strerror(ctypes.get_errno())}")


def why_impossible() -> str:
    """Why this machine cannot mount one, or an empty text."""
    if not Path("/dev/fuse").exists():
        return "there is no /dev/fuse"
    if os.geteuid() != 0:
        return "only root may mount"
    return ""


@contextmanager
def mounted_volume(point: Path, behind: Path) -> Iterator[None]:
    """Mount `behind` at `point` with a Volume's limits; OSError if the machine does not allow it."""
    server = subprocess.Popen([sys.executable, __file__, str(point), str(behind)], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        while not os.path.ismount(point):
            if server.poll() is not None:
                raise OSError(server.stderr.read().strip().splitlines()[-1])
            time.sleep(0.01)
        yield
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(point), 2)
        server.terminate()
        server.wait(10)
        server.stderr.close()
        shutil.rmtree(behind, ignore_errors=True)


if __name__ == "__main__":
    fuse = os.open("/dev/fuse", os.O_RDWR)
    _mount(fuse, Path(sys.argv[1]))
    Volume(Path(sys.argv[2])).serve(fuse)
