"""Files of locations as users have them, through the command line: read as they are, or refused with the cure."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable

import pytest

from small_run import COORDINATES, LOCATION_IDS, SmallRun


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("locations.csv", content)
    return file.getvalue()


def labels(run: SmallRun, locations: str) -> int:
    run.set(labels={"locations": locations})
    return run.main("run", "--to", "labels")


def assert_all_are_in_their_areas(run: SmallRun) -> None:
    """Each location has its own coordinates, and none was lost."""
    actual = run.table("locations").set_index("location_id").sort_index()
    assert tuple(actual.index) == LOCATION_IDS
    assert [*zip(actual["latitude"], actual["longitude"], strict=True)] == [*COORDINATES]
    assert actual["area_id"].nunique() == len(LOCATION_IDS)


def refusal(run: SmallRun, locations: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert labels(run, locations) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert not (run.work_dir / "locations").exists()
    return line


def test_line_breaks_in_quoted_fields_are_read(small_run: SmallRun) -> None:
    with (small_run.folder / "locations.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["address", "location_id", "latitude", "longitude"])
        for number, (name, place) in enumerate(zip(LOCATION_IDS, COORDINATES, strict=True)):
            rows.writerow([f'Flat {number}, "The Mews"\r\n\nHigh Street\n', name, *place])
    assert labels(small_run, "locations.csv") == 0
    assert_all_are_in_their_areas(small_run)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("locations.csv.zip", zipped),
        ("LOCATIONS.CSV.GZ", gzip.compress),
        # Names that Spark and Hadoop would read as patterns or URIs.
        ("locations[1].csv", bytes),
        ("in [2019] {v2}/locations.csv", bytes),
        ("locations 2024-05-01T12:30:00.csv", bytes),
        ("100 % #1?*.csv", bytes),
    ],
)
def test_file_is_read_as_it_is_named_and_packed(
    small_run: SmallRun, name: str, written: Callable[[bytes], bytes]
) -> None:
    source = small_run.folder / "locations.csv"
    content = source.read_bytes()
    # Neighbours that a pattern would find, with every location at another place.
    moved = content.replace(b",51.5", b",51.6")
    for neighbour in ("locations.csv", "locations1.csv", "LOCATIONS.CSV", "100 % #1aa.csv"):
        (small_run.folder / neighbour).write_bytes(moved)
    path = small_run.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(content))
    assert labels(small_run, name) == 0
    assert_all_are_in_their_areas(small_run)


def test_folder_of_part_files_is_read(small_run: SmallRun) -> None:
    header, *rows = (small_run.folder / "locations.csv").read_text().splitlines()
    folder = small_run.folder / "parts.csv"
    folder.mkdir()
    (folder / "_SUCCESS").touch()
    (folder / "part-00000.csv").write_text("\n".join([header, *rows[:5], "short,1"]))
    (folder / "part-00001.csv.gz").write_bytes(gzip.compress("\n".join([header, *rows[5:]]).encode()))
    assert labels(small_run, "parts.csv") == 0
    assert_all_are_in_their_areas(small_run)
    (left_out,) = small_run.table("left_out").to_dict("records")
    assert (left_out["id"], left_out["reason"]) == ("short", "malformed_row")
    assert left_out["detail"].startswith("part-00000.csv, row 7 has 2 fields where the header has 3: short,1")


@pytest.mark.parametrize("before", [0, 2_000_000])
def test_windows_1252_is_refused_by_its_row(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str], before: int
) -> None:
    """Also where the row is read on an executor, far from the header."""
    header, *rows = (small_run.folder / "locations.csv").read_text().splitlines()
    lines = [f"{header},remark", *(f"{row},{'x' * (before // len(rows))}" for row in rows), "café,51.5,-0.1,"]
    content = "\n".join(lines).encode("cp1252")
    (small_run.folder / "locations.csv").write_bytes(content)
    message = refusal(small_run, "locations.csv", capsys)
    at = content.index(b"\xe9")
    assert f"locations.csv, row 14: not UTF-8 text (byte {at}); save it as UTF-8" in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((b",51.516092", b',"51.516092'), "locations.csv, row 3: a quoted field is not closed before the file ends"),
        ((b"00002", b'0000"2'), "locations.csv, row 4: a stray quote"),
    ],
)
def test_file_that_is_not_rfc_4180_is_refused_by_row(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str], change: tuple[bytes, bytes], expected: str
) -> None:
    path = small_run.folder / "locations.csv"
    path.write_bytes(path.read_bytes().replace(*change))
    assert expected in refusal(small_run, "locations.csv", capsys)
