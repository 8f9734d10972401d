"""A small run's config, and the installed Spark's own spark-submit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from standalone.cluster import environment, spark_home

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY / "tests" / "data"
PHOTOGRAPHS = 12

SparkSubmit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve of the real photographs, one per location in Westminster, in shards of three."""
    folder = tmp_path_factory.mktemp("submitted")
    (folder / "photographs").mkdir()
    for path in sorted((DATA / "photos").glob("lund_*.jpg"))[:PHOTOGRAPHS]:
        shutil.copy(path, folder / "photographs")
    values = {
        "work_dir": str(folder / "run"),
        "labels": {
            "tables": [
                {
                    "path": str(DATA / "iod2019" / "File_7_-_All_IoD2019_Ranks_Deciles.csv"),
                }
            ],
            "regions": {"westminster": ["Westminster"]},
            "locations": str(DATA / "sample" / "locations.csv"),
            "boundaries": {"path": str(DATA / "boundaries" / "lsoa11_westminster.geojson")},
        },
        "images": {
            "folder": str(folder / "photographs"),
            "pattern": "{location_id}.jpg",
            "views": 1,
            "shard_size": 3,
        },
        "features": {"weights": "random:1", "precision": "float32", "batch_size": 4},
        "dataset": {"outcomes": ["imd"], "folds": 2},
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture(scope="session")
def spark_submit() -> SparkSubmit:
    def submit(
        job: str | Path, *arguments: str | Path, master: str = "local[2]", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        program = str(spark_home() / "bin" / "spark-submit")
        settings = [
            "--driver-memory",
            "1g",
            "--conf",
            "spark.driver.host=127.0.0.1",
            "--conf",
            "spark.ui.enabled=false",
        ]
        command = [program, "--master", master, *settings, *options]
        command += [f"{REPOSITORY / 'jobs' / job}.py", *map(str, arguments)]  # an absolute path stays
        return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=400, check=False)

    return submit
