"""A stage that is run alone needs only the sections that it reads."""

from __future__ import annotations

import pytest

from small_run import LOCATION_IDS, SmallRun


def test_stage_alone_needs_no_other_section(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    whole = small_run.config.read_text()
    small_run.config.write_text("work_dir: out\nseed: 1\nimages: {folder: photographs, views: 2, shard_size: 16}\n")

    assert small_run.main("images") == 0
    assert len(small_run.table("image_index")) == 2 * len(LOCATION_IDS)
    assert small_run.main("labels") == 2
    assert "labels: is missing; the stage labels reads it" in capsys.readouterr().err

    small_run.config.write_text(whole)
    assert small_run.main("run", "--to", "images") == 0
    assert "images is up to date" in capsys.readouterr().out
