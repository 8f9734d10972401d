"""Ids and views as spreadsheets, Macs and downloaders write them, through the command line."""

from __future__ import annotations

import unicodedata
import zipfile

import pytest

from postcode_files import ONSPD_2017, write_directory
from small_run import COORDINATES, LOCATION_IDS, SmallRun, photograph, write_locations

pytestmark = pytest.mark.whole

ACCENTED = ("Ynys-M\u00f4n", "Rh\u00f4s", "Ll\u0177n", "D\u0175r")


def rename(run: SmallRun, old: str, new: str) -> None:
    """Give the photographs of one location another location's name."""
    for view in range(2):
        (run.folder / "photographs" / f"{old}_{view}.jpg").rename(run.folder / "photographs" / f"{new}_{view}.jpg")


def rename_location(run: SmallRun, ids: dict[str, str]) -> None:
    write_locations(run.folder / "locations.csv", tuple(ids.get(name, name) for name in LOCATION_IDS))


def reasons(run: SmallRun) -> dict[str, int]:
    left_out = run.table("left_out")
    return dict(left_out.loc[left_out["stage"] == "dataset", "reason"].value_counts())


def test_decomposed_names_match_composed_ids(small_run: SmallRun) -> None:
    names = dict(zip(LOCATION_IDS, ACCENTED, strict=False))
    rename_location(small_run, names)
    for old, new in names.items():
        rename(small_run, old, unicodedata.normalize("NFD", new))
    assert small_run.main("run", "--to", "dataset") == 0
    assert reasons(small_run) == {}
    assert {*ACCENTED} <= {*small_run.table("locations")["location_id"]}


def test_zip_names_without_the_utf8_flag_match(small_run: SmallRun) -> None:
    """A Mac's archive: UTF-8, decomposed, and no flag that says so. Its photographs are read as well as listed."""
    rename_location(small_run, {LOCATION_IDS[0]: ACCENTED[0], LOCATION_IDS[1]: ACCENTED[1]})
    folder = small_run.folder / "photographs"
    members = {}
    for old, new in zip(LOCATION_IDS[:2], ACCENTED, strict=False):
        for view in range(2):
            (folder / f"{old}_{view}.jpg").unlink()
            members[unicodedata.normalize("NFD", f"{new}_{view}.jpg")] = photograph(f"{new}_{view}")
    with zipfile.ZipFile(folder / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(_Unflagged(name), content, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(folder / "more.zip") as archive:
        assert not any(info.flag_bits & 0x800 for info in archive.infolist())
    assert small_run.main("run", "--to", "dataset") == 0
    assert reasons(small_run) == {}
    assert len(small_run.table("features")) == 2 * len(LOCATION_IDS)


class _Unflagged(zipfile.ZipInfo):
    """A member whose name is written as UTF-8 without the flag."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's name
        return self.filename.encode(), self.flag_bits


@pytest.fixture
def zeros_lost(small_run: SmallRun) -> SmallRun:
    """A spreadsheet has read three ids as numbers; the others have no zeros in front."""
    ids = {name: f"2{name[1:]}" for name in LOCATION_IDS}
    for name in LOCATION_IDS:
        new = name if name in LOCATION_IDS[1:4] else ids[name]
        if new != name:
            rename(small_run, name, new)
        ids[name] = str(int(name)) if new == name else new
    rename_location(small_run, ids)
    return small_run


def test_ids_without_their_zeros_end_the_run(zeros_lost: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert zeros_lost.main("run", "--to", "dataset") == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "25% of the photographs are not used, more than dataset.max_lost_share 0.2: 6 unknown_location" in line
    assert "3 locations and 3 photographs' locations differ by leading zeros, e.g. 1 / 00001" in line
    assert "dataset.max_lost_share: 0.25" in line
    assert not (zeros_lost.work_dir / "training_set").exists()

    zeros_lost.set(dataset={"max_lost_share": 0.25})
    assert zeros_lost.main("run", "--to", "dataset") == 0
    out = capsys.readouterr().out
    assert "3 locations and 3 photographs' locations differ by leading zeros, e.g. 1 / 00001" in out
    assert "3 of 12 locations (25.0%) have no photographs" in out


def test_blanks_and_case_in_the_inputs_lose_nothing(small_run: SmallRun) -> None:
    areas = _areas(small_run)
    rows = [f"\u00a0{name}\t, {areas[name].lower()}\u200b\n" for name in LOCATION_IDS]
    (small_run.folder / "locations.csv").write_text("location_id,area_id\n" + "".join(rows), encoding="utf-8")
    small_run.set(labels={"regions": {"westminster": ["\u00a0e09000033 "]}})
    assert small_run.main("run", "--force", "--to", "dataset") == 0
    assert reasons(small_run) == {}
    assert {*small_run.table("locations")["area_id"]} == {*areas.values()}


def _areas(run: SmallRun) -> dict[str, str]:
    """The area of each location, as the stage labels finds it by coordinates."""
    assert run.main("run", "--to", "labels") == 0
    return dict(run.table("locations").set_index("location_id")["area_id"])


def test_area_codes_that_only_look_alike_are_refused(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    areas = _areas(small_run)
    other = {**areas, LOCATION_IDS[0]: f"E-{areas[LOCATION_IDS[0]][1:]}"}
    rows = [f"{name},{other[name]}\n" for name in LOCATION_IDS]
    (small_run.folder / "locations.csv").write_text("location_id,area_id\n" + "".join(rows), encoding="utf-8")
    assert small_run.main("run", "--force", "--to", "labels") == 2
    assert "1 locations' area_ids and 1 areas of labels.tables differ by punctuation or blanks, e.g. E-0100" in (
        capsys.readouterr().err
    )


def test_photographs_of_places_elsewhere_are_not_lost(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    """A national folder and file of locations: those outside the region are left out, and that is no loss."""
    places = [*zip(LOCATION_IDS, COORDINATES, strict=True)]
    rows = [f"{name},{latitude},{longitude},\n" for name, (latitude, longitude) in places]
    rows += [f"far{i},,,E01004941\n" for i in range(12)]  # in Bury
    header = "location_id,latitude,longitude,area_id\n"
    (small_run.folder / "locations.csv").write_text(header + "".join(rows), encoding="utf-8")
    for i in range(12):
        (small_run.folder / "photographs" / f"far{i}_0.jpg").write_bytes(photograph(f"far{i}"))
    assert small_run.main("run", "--to", "dataset") == 0
    assert reasons(small_run) == {"not_in_region": 12}
    assert "12 photographs are of locations that labels left out because they lie elsewhere" in capsys.readouterr().out


def test_photographs_of_postcodes_not_used_say_why(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    """What the config keeps out is no loss; a postcode that the directory does not have is."""
    codes = {name: f"W9 1A{letter}" for name, letter in zip(LOCATION_IDS, "ABDEFGHJLNPQ", strict=True)}
    kinds = [{"terminated": "201203"}] * 4 + [{"user_type": "1"}] * 2 + [{}] * 5
    usual = {"latitude": "51.537426", "longitude": "-0.180139"}
    rows = [
        {"postcode": code, "lsoa": f"E010046{60 + number}", **usual, **kind}
        for number, (code, kind) in enumerate(zip(codes.values(), kinds, strict=False))
    ]
    write_directory(small_run.folder / "onspd.csv", ONSPD_2017, *rows)
    listed = "".join(f"{name},{code}\n" for name, code in codes.items())
    (small_run.folder / "list.csv").write_text(f"img_id,pcd\n{listed}")
    small_run.set(labels={"locations": {"postcodes": "onspd.csv", "photographs": "list.csv"}})
    assert small_run.main("run", "--to", "dataset") == 0
    output = capsys.readouterr().out
    assert "12 photographs are of postcodes that are no longer in use, or of one organisation" in output
    left_out = small_run.table("left_out")
    by_stage = left_out.groupby(["stage", "reason"], observed=True).size().to_dict()
    assert by_stage == {
        (stage, reason): n
        for stage in ("labels", "dataset")
        for reason, n in (("terminated", 4), ("large_user", 2), ("unknown_postcode", 1))
    }
    assert "labels left out (unknown_postcode)" in left_out.set_index(["stage", "id"])["detail"]["dataset", "00011"]


def test_photographs_of_unknown_places_end_the_run(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(4):
        (small_run.folder / "photographs" / f"far{i}_0.jpg").write_bytes(photograph(f"far{i}"))
        (small_run.folder / "photographs" / f"far{i}-1.jpg").write_bytes(b"misnamed")
    (small_run.folder / "photographs" / "notes.json").write_text("no photograph")
    assert small_run.main("run", "--to", "dataset") == 1
    output = capsys.readouterr().err
    assert "25% of the photographs are not used" in output
    assert "4 name_does_not_match (correct images.pattern)" in output
    assert "4 unknown_location (labels.locations has no such location_id" in output


def test_headings_are_refused_and_then_used(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    folder = small_run.folder / "photographs"
    for name in LOCATION_IDS:
        (folder / f"{name}_1.jpg").rename(folder / f"{name}_90.jpg")
        for heading in (180, 270):
            (folder / f"{name}_{heading}.jpg").write_bytes(photograph(f"{name}_{heading}"))
    small_run.set(images={"views": 4})
    assert small_run.main("run", "--to", "images") == 2
    assert (
        "36 files are left out for their view and only 12 kept, because images.views is 4; the views are called "
        "0, 90, 180, 270: set images.view_names: [0, 90, 180, 270]" in capsys.readouterr().err
    )

    small_run.set(images={"views": None, "view_names": [0, 90, 180, 270]})
    assert small_run.main("run", "--force", "--to", "images") == 0
    assert len(small_run.table("image_index")) == 48
