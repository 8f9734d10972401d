"""All stages in a work_dir that is a mounted object store, with secrets in the config."""

from __future__ import annotations

from pathlib import Path

import pytest

from paths import DATA
from small_run import SmallRun
from streetdeciles import storage
from volume_mount import mounted_volume, why_impossible

pytestmark = pytest.mark.whole

PLANTED = ("planted-in-conf-1", "planted-in-java-2", "planted-in-uri-3", "planted-in-signature-4")


@pytest.mark.skipif(bool(why_impossible()), reason=why_impossible() or "it is possible")
def test_all_stages_on_a_volume_and_no_secret_in_any_file(
    small_run: SmallRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (tmp_path / "behind").mkdir()
    boundaries = f"memory://me:{PLANTED[2]}@host/b.geojson?sig={PLANTED[3]}&x=.geojson"
    fs, path = storage.filesystem(boundaries)
    fs.pipe_file(path, (DATA / "boundaries" / "lsoa11_westminster.geojson").read_bytes())
    small_run.set(
        work_dir="volume/out",
        dataset={"hdf5": True},
        spark={
            "conf": {
                "spark.hadoop.fs.azure.account.key.x.dfs.core.windows.net": PLANTED[0],
                "spark.driver.extraJavaOptions": f"-Dx.password={PLANTED[1]}",
            }
        },
        labels={"boundaries": {"path": boundaries}},
    )
    with mounted_volume(volume, tmp_path / "behind"):
        assert small_run.main("run", "--debug") == 0
        assert small_run.main("run", "--dry-run") == 0
        out = volume / "out"
        assert (out / "report.html").is_file()
        assert (out / "training_set.h5").is_file()
        assert "report" in (out / "logs" / "run.log").read_text()
        assert [*out.glob("logs/tensorboard/*/*/events*")]
        assert small_run.main("export") == 0
        output = "".join(capfd.readouterr())
        files = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert len(files) > 30
    for planted in PLANTED:
        assert planted not in output
        assert [str(path) for path, content in files.items() if planted.encode() in content] == []
