"""What is the photograph's fault, and what is the disk's or the network's."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import example, given, settings

from file_names import FILE_NAMES
from streetdeciles.archives import opening
from streetdeciles.errors import ShardFailed
from streetdeciles.extraction.reading import read_image
from streetdeciles.extraction.rejects import Rejected

NO_PAUSES = (0.0, 0.0)


class Flaky(LocalFileSystem):
    """The local disk behind a network that fails as often as `failures` says."""

    protocol = "flaky"
    failures: list[Exception] = []  # noqa: RUF012
    attempts = 0

    def _open(self, *args: Any, **kwargs: Any) -> Any:
        type(self).attempts += 1
        if self.failures:
            raise self.failures.pop()
        return super()._open(*args, **kwargs)


@pytest.fixture
def flaky() -> Iterator[type[Flaky]]:
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    Flaky.failures, Flaky.attempts = [], 0
    yield Flaky
    Flaky.failures = []


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a photo.jpg"
    path.write_bytes(b"0123456789")
    return path


def read(uri: str, offset: int | None = None, length: int | None = None, max_bytes: int = 100) -> bytes:
    return read_image(uri, offset, length, max_bytes=max_bytes, pauses_s=NO_PAUSES)


def test_whole_file_is_read_whatever_length_the_index_has(photo: Path) -> None:
    assert read(str(photo), None, 4) == b"0123456789"
    assert read(photo.as_uri().replace("%20", " ")) == b"0123456789"


@given(name=FILE_NAMES)
@example(name="W1::000_0.jpg")
@example(name="memory:")
@settings(deadline=None, max_examples=50)
def test_file_of_any_name_is_read_and_missed_by_that_name(name: str) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(b"0123456789")
        assert read(f"{folder}/{name}") == read(f"file://{folder}/{name}") == b"0123456789"
        assert read(f"{folder}/{name}", 3, 4) == b"3456"

        Path(folder, name).rename(Path(folder, f"{name}x"))
        with pytest.raises(Rejected) as caught:
            read(f"{folder}/{name}")
        assert caught.value.reason == "missing"


def test_file_that_is_there_is_never_missing(photo: Path, flaky: type[Flaky]) -> None:
    """A library that says "not found" of a name which the file system has, has misread the name."""
    flaky.failures = [FileNotFoundError(2, "not found")] * 3

    with pytest.raises(ShardFailed, match=r"a photo\.jpg: cannot be read, after 3 attempts: .*not found"):
        read(f"flaky://{photo}")


def test_part_of_a_file_is_read(photo: Path) -> None:
    assert read(str(photo), 3, 4) == b"3456"


def test_missing_file_is_a_reject(tmp_path: Path, photo: Path) -> None:
    for uri in (tmp_path / "gone.jpg", photo / "below_a_file.jpg"):
        with pytest.raises(Rejected, match="^missing: "):
            read(str(uri))


def test_folder_is_a_reject(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="^not_an_image: a folder"):
        read(str(tmp_path))


def test_file_too_large_for_any_picture_is_not_read_to_its_end(photo: Path) -> None:
    with pytest.raises(Rejected, match="^too_large: more than 9 bytes"):
        read(str(photo), max_bytes=9)


def test_network_that_comes_back_is_no_failure(photo: Path, flaky: type[Flaky]) -> None:
    flaky.failures = [ConnectionResetError("reset by peer"), PermissionError("token expired")]
    assert read(f"flaky://{photo}") == b"0123456789"
    assert flaky.attempts == 3


def test_network_that_stays_away_fails_the_shard(photo: Path, flaky: type[Flaky]) -> None:
    flaky.failures = [TimeoutError("timed\nout")] * 3
    with pytest.raises(ShardFailed, match="a photo.jpg: cannot be read, after 3 attempts: timed out$"):
        read(f"flaky://{photo}")
    assert flaky.attempts == 3


@pytest.mark.parametrize("link", [False, True])
def test_pipe_is_a_reject_and_does_not_block(tmp_path: Path, link: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(Rejected, match="^not_an_image: a named pipe, not a file$"):
        read(str(tmp_path / ("link" if link else "pipe")))


def test_socket_and_device_are_rejects(tmp_path: Path) -> None:
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as unreadable:
        unreadable.bind(str(tmp_path / "x.jpg"))
        with pytest.raises(Rejected, match="^not_an_image: a socket, not a file$"):
            read(str(tmp_path / "x.jpg"))
    with pytest.raises(Rejected, match="^not_an_image: a device, not a file$"):
        read(str(tmp_path / "device.jpg"))


def test_file_that_became_a_pipe_after_the_check_does_not_block(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    regular = photo.stat()
    photo.unlink()
    os.mkfifo(photo)
    monkeypatch.setattr(opening.os, "stat", lambda path: regular)
    with pytest.raises(Rejected, match="^not_an_image: a named pipe"):
        read(str(photo))


def test_archive_that_became_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photos.tar")
    with pytest.raises(Rejected, match="^not_an_image: a named pipe"):
        read(str(tmp_path / "photos.tar"), 512, 10)


def test_link_counts_as_what_it_leads_to(photo: Path) -> None:
    (photo.parent / "link.jpg").symlink_to(photo)
    assert read(str(photo.parent / "link.jpg")) == b"0123456789"


def test_file_that_cannot_be_opened_fails_the_shard(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(opening.os, "open", failing)
    with pytest.raises(ShardFailed, match="cannot be read, after 3 attempts: .*Input/output error"):
        read(str(photo))
