"""File names with umlauts mean the same files in Python and in Java, even if the locale is C."""

from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

from small_run import SmallRun
from streetdeciles import file_names
from streetdeciles.doctor import findings
from streetdeciles.session import find_java

SESSION_OF_ANOTHER = """
import sys
from pyspark.sql import SparkSession
from streetdeciles.cli import main
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
sys.exit(main(sys.argv[1:]))
"""


def run_in_locale_c(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A process as cron and Slurm start it, with LC_ALL=C; nothing of the tests' own Spark session reaches it."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYSPARK_", "LC_", "PYTHONUTF8"))
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=inherited | {"LC_ALL": "C", "JAVA_HOME": str(find_java()), "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


@pytest.fixture
def umlauts(small_run: SmallRun) -> SmallRun:
    """The small run with such names for its inputs and its work_dir."""
    for old, new in (("locations.csv", "Orte_München.csv"), ("photographs", "Straßenbilder 日本")):
        (small_run.folder / old).rename(small_run.folder / new)
    small_run.set(
        work_dir="résultats",
        labels={"locations": "Orte_München.csv"},
        images={"folder": "Straßenbilder 日本"},
        spark={"driver_memory": "1g", "conf": {"spark.sql.shuffle.partitions": "2"}},
    )
    return small_run


def test_stages_run_in_locale_c_with_umlauts_in_names(umlauts: SmallRun) -> None:
    done = run_in_locale_c("-m", "streetdeciles", "run", "--to", "images", "--config", str(umlauts.config))

    assert done.returncode == 0, done.stderr
    assert len(pd.read_parquet(umlauts.folder / "résultats" / "locations")) == 12
    index = pd.read_parquet(umlauts.folder / "résultats" / "image_index")
    assert len(index) == 24
    assert index["uri"].str.startswith(str(umlauts.folder / "Straßenbilder 日本")).all()
    expected = {"Orte_München.csv", "Straßenbilder 日本", "résultats", "run.yaml"}
    assert {path.name for path in umlauts.folder.iterdir()} == expected


def test_session_in_locale_c_is_refused_with_what_to_set(umlauts: SmallRun) -> None:
    done = run_in_locale_c("-c", SESSION_OF_ANOTHER, "run", "--to", "labels", "--config", str(umlauts.config))

    assert done.returncode == 2, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert f"work_dir {umlauts.folder}/résultats: Java reads file names as ANSI_X3.4-1968 here" in error
    assert "set LC_ALL=C.UTF-8" in error


def test_doctor_in_locale_c_says_what_a_run_sets() -> None:
    done = run_in_locale_c("-c", "from streetdeciles.doctor import findings; print(findings.file_name_encoding())")

    assert "ascii for Java: a run sets LC_ALL=C" in done.stdout
    assert "before spark-submit set it yourself" in done.stdout


def test_doctor_finds_nothing_wrong_in_a_utf8_locale() -> None:
    if file_names.locale_encoding() != "utf-8":
        pytest.skip("the tests run in a locale that is not UTF-8")
    (finding,) = findings.file_name_encoding()

    assert (finding.state, finding.wrong) == ("utf-8", "")


@pytest.mark.parametrize(
    ("path", "encoding", "expected"),
    [
        ("/data/plain [1]", "ANSI_X3.4-1968", False),
        ("/data/München", "ANSI_X3.4-1968", True),
        ("/data/München", "ISO-8859-1", True),
        ("/data/München", "UTF-8", False),
        ("/data/plain", "no such encoding", False),
        ("/data/München", "no such encoding", True),
    ],
)
def test_path_means_another_file_in_another_encoding(path: str, encoding: str, expected: bool) -> None:
    assert file_names.means_another_file(path, encoding) is expected
