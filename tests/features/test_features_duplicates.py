"""Pictures that show nothing: the same file several times, pictures of one colour, and tiny ones."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pixel_network import pixel_network, run_config, write_photos

from small_run import SmallRun, photograph
from streetdeciles import storage
from streetdeciles.features import stage
from streetdeciles.parallel import Parallelism
from streetdeciles.run_log import StageReport
from streetdeciles.tables import IMAGE_INDEX

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONE_TASK = Parallelism(tasks=1, threads=2, local=True)
PLACEHOLDER = photograph("no imagery")


class Extraction:
    """A run of the stage over photographs named by location, view and shard."""

    def __init__(self, spark: SparkSession, work_dir: Path, duplicates: str = "reject") -> None:
        self._spark = spark
        self._work_dir = work_dir
        self._duplicates = duplicates
        self.log = work_dir.with_suffix(".log")

    def run(self, photographs: dict[tuple[str, int, int], Path]) -> StageReport:
        rows = [
            (f"{location}_{view}", location, view, str(path), None, None, path.stat().st_size, None, shard)
            for (location, view, shard), path in photographs.items()
        ]
        storage.write_table(self._spark.createDataFrame(rows, IMAGE_INDEX.ddl), IMAGE_INDEX, str(self._work_dir))
        config = run_config(self._work_dir)
        images = config.images.model_copy(update={"duplicates": self._duplicates})
        config = config.model_copy(update={"images": images})
        return stage.extract_shards(self._spark, config, pixel_network(log=str(self.log)), ONE_TASK)

    def computed(self) -> list[int]:
        """Numbers of the photographs that the network has seen, in order; 0 for the padding of a batch."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        numbers = chain.from_iterable(line.split()[1].split(",") for line in lines if len(line.split()) > 1)
        return [int(number) for number in numbers]

    def table(self, name: str) -> pd.DataFrame:
        rows = pd.read_parquet(self._work_dir / name).astype({"shard": int})
        return rows.sort_values("image_id", ignore_index=True)

    def duplicates(self) -> list[str]:
        rejects = self.table("rejects")
        return rejects.loc[rejects["reason"] == "duplicate_picture", "image_id"].tolist()

    def check_each_once(self, n: int) -> None:
        both = [*self.table("features")["image_id"], *self.table("rejects")["image_id"]]
        assert len(both) == len(set(both)) == n


@pytest.fixture
def photographs(tmp_path: Path) -> dict[tuple[str, int, int], Path]:
    """Locations a to d with two views, in two shards: one file is at a, b and d, another is both views of c."""
    photos = write_photos(tmp_path / "photos", 8)
    names = [(location, view, shard) for location, shard in zip("abcd", (0, 0, 1, 1), strict=True) for view in (0, 1)]
    photograph_of = dict(zip(names, photos, strict=True))
    for name in [("a", 1, 0), ("b", 0, 0), ("d", 1, 1)]:
        photograph_of[name].write_bytes(PLACEHOLDER)
    photograph_of["c", 1, 1].write_bytes(photograph_of["c", 0, 1].read_bytes())
    return photograph_of


def test_duplicates_are_kept_and_counted(
    spark: SparkSession, tmp_path: Path, photographs: dict[tuple[str, int, int], Path]
) -> None:
    extraction = Extraction(spark, tmp_path / "run", "keep")
    report = extraction.run(photographs)
    assert report.counts == {"images": 8, "features": 8, "rejects": 0}
    (note,) = [note for note in report.notes if "images.duplicates" in note]
    assert note.startswith(
        "4 photographs repeat another one's file (2 files, one of them 3 times, e.g. a_1 and b_0): they may say that"
    )
    # The photographs of one grey each, without the placeholder.
    assert "5 photographs are of one colour, e.g. a_0" in report.notes


def test_file_at_several_locations_is_rejected_at_all_of_them(
    spark: SparkSession, tmp_path: Path, photographs: dict[tuple[str, int, int], Path]
) -> None:
    extraction = Extraction(spark, tmp_path / "run")
    report = extraction.run(photographs)
    assert report.counts == {"images": 8, "features": 4, "rejects": 4, "rejects: duplicate_picture": 4}
    assert extraction.duplicates() == ["a_1", "b_0", "c_1", "d_1"]  # of c the first view stays
    extraction.check_each_once(8)
    rejects = extraction.table("rejects")
    places = [("a", 1, 0), ("b", 0, 0), ("c", 1, 1), ("d", 1, 1)]
    assert rejects["uri"].tolist() == [str(photographs[place]) for place in places]
    assert rejects["content_hash"].nunique() == 2
    computed = extraction.computed()
    again = extraction.run(photographs)
    assert again.counts == report.counts
    assert extraction.computed() == computed


def test_duplicates_do_not_depend_on_shards_or_order(
    spark: SparkSession, tmp_path: Path, photographs: dict[tuple[str, int, int], Path]
) -> None:
    """At once, and in two runs of which the first has not seen the other places of the file."""
    at_once = Extraction(spark, tmp_path / "at_once")
    at_once.run({(location, view, 0): path for (location, view, _), path in photographs.items()})
    grown = Extraction(spark, tmp_path / "grown")
    first = grown.run({key: path for key, path in photographs.items() if key[0] == "a"})
    assert first.counts == {"images": 2, "features": 2, "rejects": 0}
    parts = {(location, view, "abcd".index(location)): path for (location, view, _), path in photographs.items()}
    grown.run(parts)
    for name in ("features", "rejects"):
        columns = [column for column in at_once.table(name).columns if column != "shard"]
        pd.testing.assert_frame_equal(at_once.table(name)[columns], grown.table(name)[columns])
    grown.check_each_once(8)


def test_photograph_that_is_no_duplicate_any_more_is_a_feature(
    spark: SparkSession, tmp_path: Path, photographs: dict[tuple[str, int, int], Path]
) -> None:
    """Two of three places of a file leave the index; the third one's photograph alone is computed again."""
    extraction = Extraction(spark, tmp_path / "run")
    extraction.run(photographs)
    left = {key: path for key, path in photographs.items() if key[2] == 1}
    report = extraction.run(left)
    assert report.counts == {"images": 4, "features": 3, "rejects": 1, "rejects: duplicate_picture": 1}
    assert extraction.duplicates() == ["c_1"]
    extraction.check_each_once(4)


def test_tiny_pictures_are_rejected_where_asked_for(small_run: SmallRun) -> None:
    from PIL import Image

    tiny = small_run.folder / "photographs" / "00003_1.jpg"
    Image.new("RGB", (1, 1)).save(tiny)
    small_run.set(features={"min_pixels": 64})
    assert small_run.main("run", "--to", "features") == 0
    rejects = small_run.table("rejects")
    assert rejects[["image_id", "reason"]].values.tolist() == [["00003_1", "too_small"]]
    assert rejects["detail"].tolist() == ["1 x 1 pixels; features.min_pixels is 64"]
    assert len(small_run.table("features")) == 23


def test_placeholders_are_rejected_through_the_command(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("00000_0", "00005_1", "00007_0"):
        (small_run.folder / "photographs" / f"{name}.jpg").write_bytes(PLACEHOLDER)
    small_run.set(images={"duplicates": "reject", "shard_size": 6})
    assert small_run.main("run", "--to", "dataset") == 0
    assert small_run.table("rejects")["image_id"].sort_values().tolist() == ["00000_0", "00005_1", "00007_0"]
    assert len(small_run.table("features")) == 21
    assert "duplicate_picture" in capsys.readouterr().out
