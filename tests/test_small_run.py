"""The small run of the tests is sound: all nine stages finish, and nothing is lost."""

from __future__ import annotations

from small_run import LOCATION_IDS, SmallRun


def test_small_run_finishes_and_loses_nothing(small_run: SmallRun) -> None:
    assert small_run.main("run") == 0

    assert len(small_run.table("features")) == 2 * len(LOCATION_IDS)
    assert sorted(small_run.table("predictions")["location_id"].unique()) == sorted(LOCATION_IDS)
    assert (small_run.work_dir / "report.html").exists()
