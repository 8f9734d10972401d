"""Files on web servers are read as a whole and in parts, whatever the server can do."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from random import Random

import pytest
from web_server import KINDS, WebServer, web_server

from streetdeciles import inputs, storage
from streetdeciles.archives.opening import opened
from streetdeciles.csv_tables.formats import byte_chunks
from streetdeciles.csv_tables.table import open_table
from streetdeciles.errors import RunRefused
from streetdeciles.extraction.extracted import Row
from streetdeciles.extraction.ranges import read_together
from streetdeciles.extraction.reading import read_image

pytest.importorskip("aiohttp", reason="needs aiohttp, which requirements/compare.txt names with s3fs")
pytestmark = pytest.mark.compare

CONTENT = Random(1).randbytes(30_000)


@pytest.fixture(params=KINDS)
def web(request: pytest.FixtureRequest) -> Iterator[tuple[WebServer, str]]:
    with web_server(request.param) as (server, url):
        server.files["a.jpg"] = CONTENT
        yield server, f"{url}/a.jpg"


def test_photograph_is_read_to_its_end(web: tuple[WebServer, str]) -> None:
    assert read_image(web[1], None, None, max_bytes=10**6) == CONTENT
    assert read_image(web[1], 20_000, 5_000, max_bytes=10**6) == CONTENT[20_000:25_000]


def test_file_is_read_from_anywhere(web: tuple[WebServer, str]) -> None:
    with opened(web[1]) as file:
        for start in (0, 29_000, 100):
            assert file.seek(start) == start
            assert file.read(700) == CONTENT[start : start + 700]
        assert file.seek(-10, 2) == len(CONTENT) - 10
        assert file.read() == CONTENT[-10:]
        assert file.read(5) == b""


def test_archive_and_table_are_read(web: tuple[WebServer, str]) -> None:
    server, url = web
    rows = b"id\n" + b"".join(b"%05d\n" % number for number in range(3_000))
    with zipfile.ZipFile(archive := BytesIO(), "w") as writing:
        writing.writestr("table.csv", rows)
    server.files |= {"table.csv": rows, "table.zip": archive.getvalue()}
    table = open_table(url.replace("a.jpg", "table.csv"))
    assert [file.size for file in table.files] == [len(rows)]
    assert b"".join(byte_chunks(table.files[0].name, 9_000, 9_600)) == rows[9_000:9_600]
    assert open_table(url.replace("a.jpg", "table.zip")).header == ("id",)


def test_part_is_not_taken_from_the_whole(web: tuple[WebServer, str]) -> None:
    server, url = web
    rows = [Row(f"{n}", "0", n, url, "m", n * 10_000 + 1, 10, 0) for n in range(2)]
    parts = read_together(rows, max_bytes=1000)
    if server.kind in ("ranges", "no HEAD"):
        assert parts == [CONTENT[1:11], CONTENT[10_001:10_011]]
    else:
        assert parts == [None, None]


def test_large_file_that_cannot_be_read_in_parts_is_refused(
    web: tuple[WebServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = web
    monkeypatch.setattr("streetdeciles.web_files.MAX_KEPT_BYTES", 20_000)
    if server.kind in ("ranges", "no HEAD"):
        assert sum(map(len, byte_chunks(url, 10_000, 25_000))) == 15_000
        return
    with pytest.raises(RunRefused, match="sends no parts of a file, and this one is larger than 0 MB; copy it to a"):
        list(byte_chunks(url, 10_000, 25_000))
    assert read_image(url, None, None, max_bytes=10**6) == CONTENT


def test_change_of_a_file_is_noticed(web: tuple[WebServer, str]) -> None:
    """Also where the server gives neither a time nor a checksum."""
    server, url = web
    before = inputs._signature("labels.locations", url)
    assert inputs._signature("labels.locations", url) == before
    server.files["a.jpg"] = bytes(reversed(CONTENT))
    assert inputs._signature("labels.locations", url) != before


def test_file_is_no_folder(web: tuple[WebServer, str]) -> None:
    fs, path = storage.filesystem(web[1])
    assert not fs.isdir(path)
    assert not fs.isdir(f"{path}.gone")
