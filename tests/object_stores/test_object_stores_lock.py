"""Two runs never work at once in a work_dir on S3, and what a run stores there appears as a whole."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from lock_holder import holder_of
from streetdeciles import lock, storage
from streetdeciles.conditional_writes import create_object, read_object, remove_object, replace_object
from streetdeciles.errors import RunRefused
from streetdeciles.lock import lock_owner, locked
from streetdeciles.process_identity import ProcessIdentity
from streetdeciles.work_dir import create_work_dir

pytestmark = pytest.mark.compare


def test_of_many_that_create_or_replace_an_object_one_succeeds(bucket: str) -> None:
    n = 6
    meet = Barrier(n)

    def create(number: int) -> bool:
        meet.wait()
        return create_object(f"{bucket}/lock", b"%d" % number)

    def replace(number: int) -> bool:
        meet.wait()
        return replace_object(f"{bucket}/lock", before, b"new %d" % number)

    with ThreadPoolExecutor(n) as pool:
        created = [*pool.map(create, range(n))]
        before = read_object(f"{bucket}/lock") or b""
        replaced = [*pool.map(replace, range(n))]

    assert sum(created) == sum(replaced) == 1
    assert before == b"%d" % created.index(True)
    assert read_object(f"{bucket}/lock") == b"new %d" % replaced.index(True)


def test_object_that_another_has_changed_is_neither_replaced_nor_removed(bucket: str) -> None:
    uri = f"{bucket}/lock"
    assert create_object(uri, b"mine")
    storage.write_bytes(uri, b"theirs")
    assert not replace_object(uri, b"mine", b"mine again")
    remove_object(uri, b"mine")
    assert read_object(uri) == b"theirs"
    remove_object(uri, b"theirs")
    assert read_object(uri) is None
    assert not replace_object(uri, b"theirs", b"x")
    remove_object(uri, b"theirs")


def test_change_between_the_look_and_the_write_is_noticed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a run's machine sleeps after it has read its lock."""
    from streetdeciles import conditional_writes

    uri = f"{bucket}/lock"
    read = read_object

    def slow_read(uri: str) -> bytes | None:
        content = read(uri)
        if content == b"mine":
            storage.write_bytes(uri, b"theirs")
        return content

    for change in (lambda: replace_object(uri, b"mine", b"mine again"), lambda: remove_object(uri, b"mine")):
        storage.write_bytes(uri, b"mine")
        monkeypatch.setattr(conditional_writes, "read_object", slow_read)
        change()
        monkeypatch.undo()
        assert read_object(uri) == b"theirs"


def test_run_on_another_machine_holds_the_lock_until_it_dies(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work_dir = f"{bucket}/run"
    for name, seconds in {"BEAT_S": 0.1, "SILENT_S": 2.0, "LOOK_S": 0.05, "END_S": 0.2}.items():
        monkeypatch.setattr(lock, name, seconds)
    with holder_of(work_dir) as holder:
        monkeypatch.setattr(ProcessIdentity, "is_visible", lambda process: False)
        monkeypatch.setattr(ProcessIdentity, "may_be_alive", lambda process: True)
        with pytest.raises(RunRefused, match=f"is in use by process {holder.pid}"), locked(work_dir):
            pass
        holder.kill()
        holder.wait()
        with locked(work_dir):
            assert json.loads(read_object(f"{work_dir}/run.lock") or b"")["pid"] != holder.pid
    assert read_object(f"{work_dir}/run.lock") is None


def test_run_whose_lock_is_taken_over_ends(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT_S", 1.0)
    monkeypatch.setattr(lock, "END_S", 4.0)
    work_dir = f"{bucket}/run"
    with holder_of(work_dir) as holder:
        monkeypatch.setattr(ProcessIdentity, "is_visible", lambda process: False)
        with locked(work_dir, take_over=True):
            assert holder.wait(0.1) == 143
            assert lock_owner(work_dir) is not None


def test_run_that_cannot_renew_its_lock_ends_before_others_may_take_it(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[float] = []
    monkeypatch.setattr(lock, "BEAT_S", 0.1)
    monkeypatch.setattr(lock, "SILENT_S", 1.0)
    monkeypatch.setattr(lock, "end_run", lambda: ended.append(time.monotonic()))
    with locked(f"{bucket}/run"):
        start = time.monotonic()
        with monkeypatch.context() as outage:
            outage.setattr("streetdeciles.lock_file.read_object", _unreachable)
            while not ended and time.monotonic() < start + 5:
                time.sleep(0.05)
        assert 0.5 < ended[0] - start < 1.0


def _unreachable(uri: str) -> bytes | None:
    raise OSError("the store cannot be reached")


def test_files_and_folders_of_a_run_are_written_without_copies(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs, _ = storage.filesystem(bucket)

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("an object was copied")

    for name in ("copy", "_copy", "mv", "_cp_file", "cp_file"):
        monkeypatch.setattr(type(fs), name, refuse)
    storage.write_json(f"{bucket}/run/run_log/labels.json", {"a": 1})
    assert storage.read_json(f"{bucket}/run/run_log/labels.json") == {"a": 1}
    for number in (1, 2):
        with storage.new_folder(f"{bucket}/run", "models") as uri:
            storage.write_text(f"{uri}/{number}.txt", "x")
    assert [*storage.names_in(f"{bucket}/run/models")] == ["2.txt"]
    assert not storage.exists(f"{bucket}/run/_staging")


def test_bucket_that_is_not_there_is_refused_and_not_created(bucket: str) -> None:
    with pytest.raises(RunRefused, match=r"work_dir s3://no-such-bucket/run: nothing can be written there \("):
        create_work_dir("s3://no-such-bucket/run")
    assert not storage.exists("s3://no-such-bucket")
