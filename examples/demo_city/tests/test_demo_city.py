"""The demo city as files: what is there, that it is drawn once, and that it is finished however it was left."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import shapely
from demo_district import AREAS, BOUNDARIES, District, cut_out
from PIL import Image

from demo_city.__main__ import main
from demo_city.damage import ERROR_PAGE
from demo_city.photograph import JPEG_SIZES, PNG_SIZES
from streetdeciles.errors import RunFailed, RunRefused

EXAMPLES = Path(__file__).parents[2]


def photographs(city: Path) -> dict[str, bytes]:
    """Content of each file below photographs, by its path there."""
    root = city / "photographs"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def locations(city: Path) -> list[dict[str, str]]:
    with (city / "locations.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def manifest(city: Path) -> dict:
    return json.loads((city / "manifest.json").read_text())


def test_four_photographs_of_each_location(city: Path) -> None:
    rows = locations(city)
    assert list(rows[0]) == ["location_id", "area_id", "latitude", "longitude"]
    assert len(rows) == len({row["area_id"] for row in rows}) == AREAS
    stems = sorted(Path(name).with_suffix("").as_posix() for name in photographs(city))
    assert stems == sorted(f"{row['area_id']}/{row['location_id']}_{view}" for row in rows for view in range(4))


def test_locations_lie_inside_their_areas(city: Path) -> None:
    features = json.loads(BOUNDARIES.read_text())["features"]
    polygons = {f["properties"]["LSOA11CD"]: shapely.geometry.shape(f["geometry"]) for f in features}
    for row in locations(city):
        point = shapely.Point(float(row["longitude"]), float(row["latitude"]))
        assert polygons[row["area_id"]].contains(point)


def test_exactly_three_photographs_are_broken_and_the_rest_are_whole(city: Path) -> None:
    damaged = manifest(city)["damaged"]
    assert sorted(damaged.values()) == ["empty", "error page", "truncated"]
    files = {damage: city / file for file, damage in damaged.items()}
    assert files["empty"].read_bytes() == b""
    assert files["error page"].read_bytes() == ERROR_PAGE
    assert len({file.name.rsplit("_", 1)[0] for file in files.values()}) == 3
    with Image.open(files["truncated"]) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    whole = [name for name in photographs(city) if f"photographs/{name}" not in damaged]
    assert len(whole) == 4 * AREAS - 3
    for name in whole:
        with Image.open(city / "photographs" / name) as image:
            image.load()
            sizes = JPEG_SIZES if image.format == "JPEG" else PNG_SIZES
            assert image.size in sizes
            assert name.endswith(".jpg" if image.format == "JPEG" else ".png")


def test_readme_names_the_broken_photographs(city: Path) -> None:
    readme = (city / "README.md").read_text()
    assert "drawn by a program" in readme
    assert all(f"`{file}`: {damage}" in readme for file, damage in manifest(city)["damaged"].items())


def test_second_call_draws_nothing_and_touches_nothing(city: Path, district: District) -> None:
    before = {path: path.stat().st_mtime_ns for path in city.rglob("*")}
    start = time.perf_counter()
    again = district.draw(city)
    assert time.perf_counter() - start < 1
    assert (again.locations, again.photographs, again.drawn_now) == (AREAS, 4 * AREAS, 0)
    assert {path: path.stat().st_mtime_ns for path in city.rglob("*")} == before


def test_what_is_gone_or_cut_short_is_drawn_again_byte_for_byte(city: Path, district: District, tmp_path: Path) -> None:
    copy = tmp_path / "city"
    shutil.copytree(city, copy)
    whole, listed = photographs(copy), (copy / "locations.csv").read_bytes()
    names = sorted(whole)
    for name in names[2:5]:
        (copy / "photographs" / name).unlink()
    cut = copy / "photographs" / names[9]
    cut.write_bytes(whole[names[9]][:100])
    (copy / "locations.csv").unlink()
    kept = (copy / "photographs" / names[20]).stat().st_mtime_ns
    assert district.draw(copy).drawn_now == 4
    assert photographs(copy) == whole
    assert (copy / "locations.csv").read_bytes() == listed
    assert (copy / "photographs" / names[20]).stat().st_mtime_ns == kept
    assert sorted(path.name for path in copy.iterdir()) == [
        "README.md",
        "locations.csv",
        "manifest.json",
        "photographs",
    ]


def test_killed_half_way_is_finished_by_the_same_command(city: Path, district: District, tmp_path: Path) -> None:
    out = tmp_path / "city"
    command = [sys.executable, "-m", "demo_city", "--out", str(out), "--table", str(district.table)]
    command += ["--boundaries", str(district.boundaries), "--district", "Bury", "--locations-per-area", "1"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 60
    while len(list(out.glob("photographs/*/*"))) < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)  # the main process only: its workers must end by themselves
    process.wait()
    half = photographs(out)
    assert 5 <= len(half) < 4 * AREAS
    with pytest.raises(RunRefused, match="seed was 1, is 2"):
        district.draw(out, seed=2)
    _wait_until_nothing_is_written(out)
    half = photographs(out)
    assert district.draw(out).drawn_now == 4 * AREAS - len(half)
    assert photographs(out) == photographs(city)
    assert manifest(out) == manifest(city)
    assert not (out / "_unfinished").exists()


def _wait_until_nothing_is_written(out: Path) -> None:
    """A worker that was writing when its parent went may take a moment to see that it has gone."""
    last = -1
    while len(list(out.rglob("*"))) != last:
        last = len(list(out.rglob("*")))
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 2}, "seed was 1, is 2"),
        ({"locations_per_area": 3}, "locations_per_area was 1, is 3"),
        ({"district": "E08000002"}, "district was 'Bury', is 'E08000002'"),
    ],
)
def test_other_arguments_are_refused(city: Path, district: District, changed: dict, message: str) -> None:
    with pytest.raises(RunRefused, match=f"holds a demo city of other arguments.*{message}.*another folder as --out"):
        district.draw(city, **changed)


def test_changed_table_is_refused(city: Path, district: District, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(district.table.read_bytes() + b"\n")
    with pytest.raises(RunRefused, match="the content of --table has changed"):
        District(table, district.boundaries).draw(city)


def test_folder_of_something_else_is_refused(district: District, tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    with pytest.raises(RunRefused, match="photographs: not drawn by `python -m demo_city`"):
        district.draw(tmp_path)


def test_damaged_manifest_is_refused(district: District, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"arguments": {')
    with pytest.raises(RunRefused, match=r"manifest\.json: damaged .* remove"):
        district.draw(tmp_path)


def test_file_as_folder_is_refused(district: District, tmp_path: Path) -> None:
    (tmp_path / "city").write_text("")
    with pytest.raises(RunRefused, match="city: is a file; give a folder"):
        district.draw(tmp_path / "city")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"locations_per_area": 0}, "--locations-per-area must be 1 or more, got 0"),
        ({"seed": -1}, "--seed must be 0 or more, got -1"),
        ({"district": "Atlantis"}, "no area is in the district 'Atlantis'"),
    ],
)
def test_bad_arguments_are_refused(district: District, tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(RunRefused, match=message):
        district.draw(tmp_path / "city", **arguments)
    assert not (tmp_path / "city").exists()


def test_missing_file_is_refused(district: District, tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match=r"--table .*none\.csv: no such file"):
        District(tmp_path / "none.csv", district.boundaries).draw(tmp_path / "city")


def test_area_without_polygon_is_refused(district: District, tmp_path: Path) -> None:
    boundaries = json.loads(district.boundaries.read_text())
    gone = boundaries["features"].pop()["properties"]["LSOA11CD"]
    short = tmp_path / "boundaries.geojson"
    short.write_text(json.dumps(boundaries))
    with pytest.raises(RunRefused, match=f"1 of the 10 areas of Bury are not there, e.g. {gone}"):
        District(district.table, short).draw(tmp_path / "city")


def test_too_few_areas_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="deciles need at least 10"):
        cut_out(tmp_path, 9).draw(tmp_path / "city")


def test_what_cannot_be_written_is_one_line(city: Path, district: District, tmp_path: Path) -> None:
    copy = tmp_path / "city"
    shutil.copytree(city, copy)
    area = locations(city)[0]["area_id"]
    shutil.rmtree(copy / "photographs" / area)
    (copy / "photographs" / area).write_text("in the way")
    with pytest.raises(RunFailed, match=f"{area}: cannot be written .File exists.*another folder as --out"):
        district.draw(copy)


def test_command_tells_what_there_is(city: Path, district: District, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--table", str(district.table), "--boundaries", str(district.boundaries)]
    command = ["--out", str(city), *files, "--district", "Bury", "--locations-per-area", "1"]
    assert main(command) == 0
    output = capsys.readouterr().out
    assert output == f"demo city: 40 photographs of 10 locations in {city}, 0 drawn now, 3 broken on purpose\n"
    assert main([*command, "--seed", "2"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {city} holds a demo city of other arguments (seed was 1, is 2)")
