"""A store that fails is never a photograph's fault, and half a list is never taken for a whole one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from s3_server import FaultyStore

from streetdeciles import run_log, storage
from streetdeciles.conditional_writes import create_object, read_object, remove_object, replace_object
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.extraction.reading import read_image
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.listing import list_folder
from streetdeciles.lock import lock_owner, locked
from streetdeciles.manifests import differences, find_files, make_manifest
from streetdeciles.run_log import StageReport

pytestmark = pytest.mark.compare

PHOTOGRAPH = bytes(range(256)) * 400


@pytest.fixture
def photograph(bucket: str) -> str:
    storage.write_bytes(f"{bucket}/photographs/a_0.jpg", PHOTOGRAPH)
    return f"{bucket}/photographs/a_0.jpg"


def fails(act: Callable[[], object]) -> bool:
    """Whether it raises; what, is up to the store's client."""
    try:
        act()
    except Exception:
        return True
    return False


def read(uri: str) -> bytes:
    return read_image(uri, None, None, max_bytes=10**6, pauses_s=(0.0, 0.0))


@pytest.mark.parametrize("faults", [["503"], ["half"], ["cut"], ["slow"], ["503", "half"]])
def test_photograph_is_read_when_the_store_recovers(photograph: str, faulty: FaultyStore, faults: list[str]) -> None:
    faulty.faults[:] = faults  # type: ignore[assignment]
    assert read(photograph) == PHOTOGRAPH
    assert faulty.faults == []


@pytest.mark.parametrize("fault", ["503", "half", "cut"])
def test_store_that_stays_down_fails_the_shard(photograph: str, faulty: FaultyStore, fault: str) -> None:
    faulty.always = fault  # type: ignore[assignment]
    with pytest.raises(ShardFailed, match="a_0.jpg: cannot be read, after 3 attempts"):
        read(photograph)
    assert faulty.requests >= 3


def test_only_the_store_says_that_a_photograph_is_gone(bucket: str, faulty: FaultyStore) -> None:
    with pytest.raises(Rejected, match="missing"):
        read(f"{bucket}/photographs/gone.jpg")


@pytest.mark.parametrize("fault", ["503", "half", "cut"])
def test_list_that_cannot_be_read_whole_is_an_error(bucket: str, faulty: FaultyStore, fault: str) -> None:
    for number in range(40):
        storage.write_bytes(f"{bucket}/photographs/{number}_0.jpg", b"x")
    folder = f"{bucket}/photographs"
    _, path = storage.filesystem(folder)
    assert len([*list_folder(path, folder)]) == 40
    storage.filesystem(folder)[0].invalidate_cache()
    faulty.always = fault  # type: ignore[assignment]
    with pytest.raises(RunFailed, match="photographs: cannot be listed"):
        [*list_folder(path, folder)]


def test_list_of_a_tables_files_that_is_not_whole_is_an_error(bucket: str, faulty: FaultyStore) -> None:
    for number in range(5):
        storage.write_bytes(f"{bucket}/run/locations/part-{number}", b"x")
    for fault in ("503", "half", "cut"):
        faulty.always = fault  # type: ignore[assignment]
        for look in (
            lambda: find_files(f"{bucket}/run", ["locations"]),
            lambda: make_manifest(f"{bucket}/run", ["locations"]),
            lambda: [*storage.names_in(f"{bucket}/run/locations")],
            lambda: storage.exists(f"{bucket}/run/locations"),
        ):
            assert fails(look)


def test_list_that_lacks_the_newest_files_never_passes_for_a_whole_table(bucket: str, faulty: FaultyStore) -> None:
    for number in range(3):
        storage.write_bytes(f"{bucket}/run/locations/part-{number}", b"x")
    manifest = make_manifest(f"{bucket}/run", ["locations"])
    faulty.unlisted = ["part-2"]
    late = find_files(f"{bucket}/run", ["locations"])
    assert [*differences(manifest, late)] == [("locations/part-2", "is missing")]
    early = make_manifest(f"{bucket}/run", ["locations"])
    faulty.unlisted = ()
    now = find_files(f"{bucket}/run", ["locations"])
    assert [*differences(early, now)] == [("locations/part-2", "was not written by this stage")]


@pytest.mark.parametrize("fault", ["503", "slow", "broken", "lost"])
def test_mark_is_written_when_the_store_recovers(bucket: str, faulty: FaultyStore, fault: str) -> None:
    faulty.methods = ("PUT",)
    faulty.faults[:] = [fault]  # type: ignore[list-item]
    run_log.record(f"{bucket}/run", StageReport("labels", {"areas": 3}), "x")
    assert faulty.faults == []
    finished = run_log.finished(f"{bucket}/run", "labels")
    assert finished is not None
    assert finished[0].counts == {"areas": 3}


@pytest.mark.parametrize("fault", ["503", "broken"])
def test_mark_that_cannot_be_written_is_not_there_afterwards(bucket: str, faulty: FaultyStore, fault: str) -> None:
    faulty.methods, faulty.always = ("PUT",), fault  # type: ignore[assignment]
    assert fails(lambda: run_log.record(f"{bucket}/run", StageReport("labels"), "x"))
    assert run_log.finished(f"{bucket}/run", "labels") is None


@pytest.mark.parametrize("fault", ["503", "half"])
def test_mark_that_cannot_be_read_is_not_taken_for_missing(bucket: str, faulty: FaultyStore, fault: str) -> None:
    run_log.record(f"{bucket}/run", StageReport("labels"), "x")
    faulty.always = fault  # type: ignore[assignment]
    assert fails(lambda: run_log.finished(f"{bucket}/run", "labels"))


def test_object_that_the_store_does_not_delete_at_once_is_deleted_again(bucket: str, faulty: FaultyStore) -> None:
    """S3 answers 200 to a request that has deleted only some objects."""
    for number in range(3):
        storage.write_bytes(f"{bucket}/run/locations/part-{number}", b"old")
    faulty.undeleted = ["part-1"]
    with storage.new_table(f"{bucket}/run", "locations") as uri:
        storage.write_bytes(f"{uri}/part-3", b"new")
    assert [*find_files(f"{bucket}/run", ["locations"])] == ["locations/part-3"]
    faulty.undeleted = ["part-3"]
    storage.remove(f"{bucket}/run/locations")
    assert not storage.exists(f"{bucket}/run/locations")


@pytest.mark.parametrize("fault", ["503", "slow", "broken", "lost"])
def test_lock_is_held_by_one_when_the_store_recovers(bucket: str, faulty: FaultyStore, fault: str) -> None:
    """Also if the store has done what was asked, and its answer was lost, so that the client asks again."""
    uri = f"{bucket}/lock"
    faulty.methods = ("PUT", "DELETE")
    for change in (
        lambda: create_object(uri, b"mine"),
        lambda: not create_object(uri, b"theirs"),
        lambda: replace_object(uri, b"mine", b"mine again"),
        lambda: not replace_object(uri, b"mine", b"theirs"),
        lambda: remove_object(uri, b"mine again") is None,
    ):
        faulty.faults[:] = [fault]  # type: ignore[list-item]
        assert change()
        faulty.faults.clear()
    assert read_object(uri) is None


@pytest.mark.parametrize("fault", ["503", "half", "cut"])
def test_lock_that_cannot_be_read_whole_is_not_free(bucket: str, faulty: FaultyStore, fault: str) -> None:
    with locked(f"{bucket}/run"):
        faulty.always = fault  # type: ignore[assignment]
        assert fails(locked(f"{bucket}/run").__enter__)
        faulty.always = None
        assert lock_owner(f"{bucket}/run") is not None
    assert lock_owner(f"{bucket}/run") is None
