"""State files that a crash or a full disk has cut are named, and are as if they were not there."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from streetdeciles import storage
from streetdeciles.errors import RunRefused
from streetdeciles.state_files import read_state


@dataclass(frozen=True)
class Mark:
    name: str
    files: Mapping[str, int]
    settings: Mapping[str, Any] = field(default_factory=dict)


MARK = Mark("Zürich", {"a": 1, "b": 2}, {"weights": None, "views": [1, 2]})
WHOLE = json.dumps(asdict(MARK), ensure_ascii=False).encode()
OTHER_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
).map(lambda value: json.dumps(value).encode())


def test_written_value_is_read_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage.write_json(str(tmp_path / "mark.json"), asdict(MARK))

    assert read_state(str(tmp_path / "mark.json"), Mark) == MARK
    assert caplog.messages == []


def test_missing_file_is_none_and_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_state(str(tmp_path / "mark.json"), Mark) is None
    assert caplog.messages == []


@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_file_cut_at_any_byte_is_named_and_ignored(end: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mark.json").write_bytes(WHOLE[:end])

    assert read_state(str(tmp_path / "mark.json"), Mark) is None
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}/mark.json is {'damaged' if end else 'empty'}")
    assert "Traceback" not in caplog.text


@given(content=st.binary(max_size=80) | OTHER_JSON | st.just(b"\0" * 4096) | st.just(b"[" * 20_000))
@settings(deadline=None, max_examples=100)
def test_garbage_is_ignored(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    uri = tmp_path_factory.getbasetemp() / "garbage.json"
    uri.write_bytes(content)
    logging.disable(logging.WARNING)
    try:
        assert read_state(str(uri), Mark) is None
    finally:
        logging.disable(logging.NOTSET)


def test_file_that_may_not_be_read_is_an_error_and_not_missing(tmp_path: Path) -> None:
    (tmp_path / "mark.json").mkdir()

    with pytest.raises(IsADirectoryError):
        read_state(str(tmp_path / "mark.json"), Mark)


class OfOthers(MemoryFileSystem):
    """A store whose objects this user may list and not read."""

    protocol = "of-others"

    def cat_file(self, path: str, **options: object) -> bytes:
        raise PermissionError(13, "Permission denied", path)


def test_state_of_another_user_is_refused() -> None:
    fsspec.register_implementation("of-others", OfOthers, clobber=True)
    with pytest.raises(RunRefused, match=r"^of-others://run/config.json: this user may not read it; continue as the "):
        read_state("of-others://run/config.json", dict)
