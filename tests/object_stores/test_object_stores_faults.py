"""A store that fails is never a photograph's fault, and half a list is never taken for a whole one."""

from __future__ import annotations

import pytest
from s3_server import FaultyStore

from streetdeciles import storage
from streetdeciles.errors import RunFailed, ShardFailed
from streetdeciles.extraction.reading import read_image
from streetdeciles.extraction.rejects import Rejected
from streetdeciles.listing import list_folder

pytestmark = pytest.mark.compare

PHOTOGRAPH = bytes(range(256)) * 400


@pytest.fixture
def photograph(bucket: str) -> str:
    storage.write_bytes(f"{bucket}/photographs/a_0.jpg", PHOTOGRAPH)
    return f"{bucket}/photographs/a_0.jpg"


def read(uri: str) -> bytes:
    return read_image(uri, None, None, max_bytes=10**6, pauses_s=(0.0, 0.0))


@pytest.mark.parametrize("faults", [["503"], ["half"], ["slow"], ["503", "half"]])
def test_photograph_is_read_when_the_store_recovers(photograph: str, faulty: FaultyStore, faults: list[str]) -> None:
    faulty.faults[:] = faults  # type: ignore[assignment]
    assert read(photograph) == PHOTOGRAPH
    assert faulty.faults == []


@pytest.mark.parametrize("fault", ["503", "half"])
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
