"""Files that nobody should have sent, in a folder of photographs, through the whole run."""

from __future__ import annotations

import os
from io import BytesIO

import pytest
from PIL import Image

from small_run import SmallRun

pytestmark = pytest.mark.whole

SECRET = "root:x:0:0:secret"
ODD_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0"
"""An orientation that is text."""


def test_run_with_hostile_photographs_ends_with_a_report(
    small_run: SmallRun, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs = small_run.folder / "photographs"
    (small_run.folder / "passwd").write_text(SECRET)
    for name in ("00000_0", "00001_0", "00002_0", "00003_0"):
        (photographs / f"{name}.jpg").unlink()
    (photographs / "00000_0.jpg").symlink_to(small_run.folder / "passwd")
    (photographs / "00001_0.jpg").symlink_to(photographs / "00001_1.jpg")
    os.mkfifo(photographs / "00002_0.jpg")
    (photographs / "00003_0.jpg").write_bytes(many_scans())
    for number in range(12):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(photographs / f"{number:05d}_1.jpg", "PNG", exif=ODD_EXIF)
    assert small_run.main("run") == 0
    rejects = small_run.table("rejects").sort_values("image_id")
    assert rejects[["image_id", "reason", "detail"]].values.tolist() == [
        ["00000_0", "not_an_image", f"text, {len(SECRET)} bytes"],
        ["00003_0", "too_costly", "more than 64 scans of a JPEG"],
    ]
    assert set(small_run.table("features")["image_id"]) >= {"00001_0"}
    left_out = small_run.table("left_out")
    assert "not_a_file" in left_out.loc[left_out["id"].str.contains("00002_0"), "reason"].tolist()
    page = (small_run.work_dir / "report.html").read_text()
    assert page.count('alt="Street photograph') == 12
    assert "secret" not in page + capsys.readouterr().out


def many_scans() -> bytes:
    """A progressive JPEG whose last scan comes 500 times."""
    file = BytesIO()
    Image.new("L", (500, 500)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * 500 + content[-2:]
