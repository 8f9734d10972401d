"""Listing and reading archives, including hostile and damaged ones."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from file_names import FILE_NAMES
from streetdeciles.archives import guarded
from streetdeciles.archives.members import Member, list_members
from streetdeciles.archives.names import is_archive, is_nested, leads_out
from streetdeciles.archives.reading import MemberReader, lies_open, read_range

PHOTOS = {"deep/a_0.jpg": b"first", "a_1.jpg": b"", "b_0.jpg": b"third" * 500}


def make_tar(path: Path, contents: dict[str, bytes] = PHOTOS) -> str:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as tar:
        for name, content in contents.items():
            add(tar, name, content)
    return str(path)


def add(tar: tarfile.TarFile, name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    tar.addfile(info, io.BytesIO(content))


def make_zip(path: Path, compression: int, contents: dict[str, bytes] = PHOTOS) -> str:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return str(path)


def read(reader: MemberReader, uri: str, member: Member) -> bytes:
    assert member.name is not None
    if lies_open(uri, member.name, member.offset):
        assert member.offset is not None
        assert member.length is not None
        return read_range(uri, member.offset, member.length)
    return reader.read(uri, member.name, member.offset, member.length, max_bytes=10_000)


def kinds(uri: str) -> list[tuple[str | None, str]]:
    return [(member.name, member.kind) for member in list_members(uri)]


MEMBER_NAMES = FILE_NAMES.filter(lambda name: is_safe(name) and "\0" not in name)


@given(archive=FILE_NAMES, members=st.lists(MEMBER_NAMES, min_size=1, max_size=4, unique=True))
@example(archive="a::b", members=["zip::x", "s3://y/[1]*?.jpg", "per%20cent#.jpg", "new\nline"])
@settings(deadline=None, max_examples=30)
@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".zip"])
def test_members_of_any_name_are_read_from_an_archive_of_any_name(
    ending: str, archive: str, members: list[str]
) -> None:
    contents = {name: f"{number}".encode() for number, name in enumerate(members)}
    with TemporaryDirectory() as folder:
        path = Path(folder, f"a{archive}{ending}")
        uri = make_zip(path, zipfile.ZIP_DEFLATED, contents) if ending == ".zip" else make_tar(path, contents)
        reader = MemberReader()

        listed = [*list_members(uri)]

        assert [(member.name, member.kind) for member in listed] == [(name, "file") for name in members]
        assert [read(reader, uri, member) for member in listed] == [*contents.values()]
        reader.close()


def is_safe(name: str) -> bool:
    """Whether a member of that name is used: not a folder, not leading out of the archive, not itself an archive."""
    return not (leads_out(name) or is_nested(name) or name.endswith("/") or name.split("/", maxsplit=1)[0] == "")


@pytest.mark.parametrize(("system", "expected"), [(0, "deep/a_0.jpg"), (3, "deep\\a_0.jpg")])
def test_backslashes_of_a_zip_from_windows_part_folders(system: int, expected: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("deep\\", "deep\\a_0.jpg"):
            info = zipfile.ZipInfo(name)
            info.create_system = system
            archive.writestr(info, b"first" if "a" in name else b"")

    members = [member for member in list_members(str(tmp_path / "x.zip")) if member.length]

    assert [(member.name, member.kind) for member in members] == [(expected, "file")]
    reader = MemberReader()
    assert reader.read(str(tmp_path / "x.zip"), expected, None, None, max_bytes=100) == b"first"
    reader.close()


@pytest.mark.parametrize(
    ("make", "name", "ranges"),
    [
        (make_tar, "x.tar", True),
        (make_tar, "x.tar.gz", False),
        (make_tar, "x.TGZ", False),
        (lambda path: make_zip(path, zipfile.ZIP_STORED), "x.zip", True),
        (lambda path: make_zip(path, zipfile.ZIP_DEFLATED), "x.zip", False),
    ],
)
def test_members_are_read_as_written(tmp_path: Path, make: Callable[[Path], str], name: str, ranges: bool) -> None:
    uri = make(tmp_path / name.replace("TGZ", "tgz"))
    if name == "x.TGZ":
        uri = str(Path(uri).rename(tmp_path / name))
    members = [*list_members(uri)]
    assert [(member.name, member.kind, member.length) for member in members] == [
        (name, "file", len(content)) for name, content in PHOTOS.items()
    ]
    assert {lies_open(uri, member.name, member.offset) for member in members} == {ranges}
    reader = MemberReader()
    for order in (members, members[::-1]):  # reading in reverse takes longer and gives the same
        assert [read(reader, uri, member) for member in order] == [PHOTOS[member.name or ""] for member in order]
    reader.close()


def test_archives_are_recognised_by_name() -> None:
    for name in ("a.tar", "b/a.TAR.GZ", "/x y/ü.tgz", "a.b.zip"):
        assert is_archive(name)
    for name in ("._a.tar", "b/.zip", "a.jpg", "a.tar.bz2", "a.gz", "zip", "tar/a.jpg"):
        assert not is_archive(name)


@pytest.mark.parametrize("name", ["x.tar", "x.tgz"])
def test_tar_of_hostile_members_gives_a_reason_for_each(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / name, "w:gz" if name == "x.tgz" else "w") as tar:
        add(tar, "./folder", kind=tarfile.DIRTYPE)
        add(tar, "../../etc/a_0.jpg", b"1")
        add(tar, "/etc/a_0.jpg", b"1")
        add(tar, "..\\a_0.jpg", b"1")
        add(tar, "C:\\a_0.jpg", b"1")
        add(tar, "soft_0.jpg", kind=tarfile.SYMTYPE, link="/etc/passwd")
        add(tar, "hard_0.jpg", kind=tarfile.LNKTYPE, link="a_0.jpg")
        add(tar, "device_0.jpg", kind=tarfile.CHRTYPE)
        add(tar, "pipe_0.jpg", kind=tarfile.FIFOTYPE)
        add(tar, "more.tar.gz", b"1")
        add(tar, "a_0.jpg", b"1")
        add(tar, "a_0.jpg", b"2")
        add(tar, "a_0.jpg", b"3")
        add(tar, "caf\udce9_0.jpg", b"3")
        add(tar, "n" * 300 + "_0.jpg", b"long")
    assert kinds(str(tmp_path / name)) == [
        ("../../etc/a_0.jpg", "unsafe_name"),
        ("/etc/a_0.jpg", "unsafe_name"),
        ("..\\a_0.jpg", "unsafe_name"),
        ("C:\\a_0.jpg", "unsafe_name"),
        ("soft_0.jpg", "not_a_file"),
        ("hard_0.jpg", "not_a_file"),
        ("device_0.jpg", "not_a_file"),
        ("pipe_0.jpg", "not_a_file"),
        ("more.tar.gz", "nested_archive"),
        ("a_0.jpg", "file"),
        ("a_0.jpg#2", "name_twice"),
        ("a_0.jpg#3", "name_twice"),
        ("caf\\xe9_0.jpg", "name_not_utf8"),
        ("n" * 300 + "_0.jpg", "file"),
    ]


def test_zip_of_hostile_members_gives_a_reason_for_each(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link_0.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../a_0.jpg", b"1")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.zip", b"1")
        archive.writestr("bomb_0.jpg", bytes(20 * 1024 * 1024))
        archive.writestr("b_0.jpg", b"1", zipfile.ZIP_LZMA)
        archive.writestr("c_0.jpg", b"1")
    assert kinds(str(tmp_path / "x.zip")) == [
        ("../a_0.jpg", "unsafe_name"),
        ("link_0.jpg", "not_a_file"),
        ("inner.zip", "nested_archive"),
        ("bomb_0.jpg", "member_too_large"),
        ("b_0.jpg", "member_unreadable"),
        ("c_0.jpg", "file"),
    ]


def test_member_with_a_huge_size_in_its_header_is_left_out(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a_0.jpg")
    info.size = 2**40
    (tmp_path / "x.tar").write_bytes(info.tobuf())
    assert kinds(str(tmp_path / "x.tar")) == [("a_0.jpg", "member_too_large"), (None, "archive_damaged")]


def test_compressed_tar_bomb_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "SMALL_BYTES", 1024 * 1024)
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as tar:
        add(tar, "a_0.jpg", b"good")
        add(tar, "b_0.jpg", bytes(30 * 1024 * 1024))
        add(tar, "c_0.jpg", b"never seen")
    assert kinds(str(tmp_path / "x.tgz")) == [("a_0.jpg", "file"), ("b_0.jpg", "file"), (None, "archive_bomb")]


def test_long_name_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**30
    with gzip.open(tmp_path / "x.tgz", "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
    (actual,) = list_members(str(tmp_path / "x.tgz"))
    assert actual.kind == "archive_damaged"
    assert str(actual.detail).startswith("a header of 1073741824 bytes")


@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x.zip"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\0" * 100, b"PK\x05\x06" + b"\xff" * 18])
def test_file_that_is_not_an_archive_is_damaged(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert kinds(str(tmp_path / name)) == [(None, "archive_damaged")]


@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x.zip"])
def test_empty_archive_is_left_out(tmp_path: Path, name: str) -> None:
    uri = make_zip(tmp_path / name, 0, {}) if name == "x.zip" else make_tar(tmp_path / name, {})
    assert kinds(uri) == [(None, "archive_empty")]


def test_members_before_the_damage_are_used(tmp_path: Path) -> None:
    whole = Path(make_tar(tmp_path / "x.tar")).read_bytes()
    # blocks: a_0's header and 5 bytes, a_1's header, b_0's header and 2,500 bytes
    (tmp_path / "cut.tar").write_bytes(whole[: 4 * 512 + 100])
    (tmp_path / "header.tar").write_bytes(whole[: 2 * 512] + b"?" * 512 + whole[3 * 512 :])
    (tmp_path / "no_end.tar").write_bytes(whole[: (4 + 5) * 512])
    (tmp_path / "cut.tgz").write_bytes(gzip.compress(whole)[:-60])
    all_three = [(name, "file") for name in PHOTOS]
    assert kinds(str(tmp_path / "cut.tar")) == [*all_three, (None, "archive_damaged")]
    assert kinds(str(tmp_path / "header.tar")) == [all_three[0], (None, "archive_damaged")]
    assert kinds(str(tmp_path / "no_end.tar")) == [*all_three, (None, "archive_damaged")]
    assert kinds(str(tmp_path / "cut.tgz"))[-1] == (None, "archive_damaged")


def test_bytes_changed_anywhere_are_members_or_damage(tmp_path: Path) -> None:
    """Listing never raises, and every listed member can be read or is damaged."""
    from random import Random

    from streetdeciles.archives.damage import ArchiveDamaged

    random = Random(1)
    kinds_seen = set()
    for name in ("x.tar", "x.tgz", "x.zip"):
        path = tmp_path / name
        uri = make_zip(path, zipfile.ZIP_DEFLATED) if name == "x.zip" else make_tar(path)
        whole = path.read_bytes()
        for _ in range(300):
            content = bytearray(whole[: random.choice([len(whole), random.randrange(len(whole))])])
            for _ in range(random.randrange(4) if content else 0):
                content[random.randrange(len(content))] = random.randrange(256)
            path.write_bytes(content)
            reader = MemberReader()
            for member in list_members(uri):
                kinds_seen.add(member.kind)
                if member.kind == "file" and (member.length or 0) <= 10_000:
                    try:
                        read(reader, uri, member)
                    except ArchiveDamaged:
                        kinds_seen.add("damaged at reading")
            reader.close()
    assert {"file", "archive_damaged", "damaged at reading"} <= kinds_seen


class Unflagged(zipfile.ZipInfo):
    """A member whose name is written as `raw`, and the zip does not say that it is UTF-8."""

    raw = b""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's name
        return self.raw, 0


def unflagged_zip(path: Path, names: dict[bytes, bytes], compression: int = zipfile.ZIP_DEFLATED) -> str:
    """A zip with a member for each raw name, with its extra field."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for i, (raw, extra) in enumerate(names.items()):
            info = Unflagged(f"member {i}")
            info.raw, info.extra = raw, extra
            archive.writestr(info, b"content of %d" % i, compression)
    return str(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_names_in_utf8_without_the_flag_are_read(tmp_path: Path, compression: int) -> None:
    names = ["Mo\u0302n_0.jpg", "M\u00f4n_1.jpg", "\u6771_0.jpg"]
    uri = unflagged_zip(tmp_path / "x.zip", {name.encode(): b"" for name in names}, compression)
    members = list(list_members(uri))
    assert [member.name for member in members] == names
    reader = MemberReader()
    assert [read(reader, uri, member) for member in members] == [b"content of 0", b"content of 1", b"content of 2"]
    reader.close()


def test_names_in_another_encoding_are_those_of_zipfile(tmp_path: Path) -> None:
    raw = "S\u00fcd_0.jpg".encode("cp437")
    name = "S\u00fcd\u6771_1.jpg"
    beside = struct.pack("<HHBI", 0x7075, 5 + len(name.encode()), 1, zlib.crc32(raw)) + name.encode()
    of_another = struct.pack("<HHBI", 0x7075, 9, 1, 0) + b"x_9!"
    uri = unflagged_zip(tmp_path / "x.zip", {raw: b""})
    assert [member.name for member in list_members(uri)] == ["S\u00fcd_0.jpg"]
    for extra, expected in ((beside, name), (of_another, "S\u00fcd_0.jpg")):
        uri = unflagged_zip(tmp_path / "y.zip", {raw: extra})
        (member,) = list_members(uri)
        assert member.name == expected
        reader = MemberReader()
        assert read(reader, uri, member) == b"content of 0"
        reader.close()


def test_name_beside_one_in_ascii_is_read(tmp_path: Path) -> None:
    """As Info-ZIP writes names that its machine's code page lacks."""
    raw, name = b"#U6771_0.jpg", "\u6771_0.jpg"
    beside = struct.pack("<HHBI", 0x7075, 5 + len(name.encode()), 1, zlib.crc32(raw)) + name.encode()
    (member,) = list_members(unflagged_zip(tmp_path / "x.zip", {raw: beside}))
    assert member.name == name
