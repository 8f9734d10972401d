"""The run's settings to copy, and the methods text."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from parsed_page import parse

from report_run import FinishedRun, report_config
from streetdeciles.report.settings import settings_as_yaml, settings_in_words


def test_yaml_has_no_folders_and_no_secrets(tmp_path: Path) -> None:
    table = "s3://reader:hunter2@bucket/deep/table.csv?sig=abc/abcd"
    config = report_config(
        tmp_path / "in [2019]",
        labels={
            "tables": [{"path": table}],
            "regions": {"bury": ["Bury"]},
            "locations": str(tmp_path / "a  b" / "locations of a name that is longer than a line of the file.csv"),
        },
        spark={"conf": {"fs.azure.account.key.x": "hunter2"}},
    )
    text = settings_as_yaml(config)
    assert not [secret for secret in ("hunter2", "abc", str(tmp_path)) if secret in text]
    values = yaml.safe_load(text)
    assert values["labels"]["locations"] == "locations of a name that is longer than a line of the file.csv"
    assert not {"work_dir", "spark"} & set(values)
    assert dict(settings_in_words(config, 1))["Published tables"] == "table.csv?sig=***"


@pytest.mark.parametrize(
    "expected",
    [
        "930 could be used; they show 234 locations with up to 4 views each",
        "Ministry of Housing, Communities and Local Government, Open Government Licence v3.0.",
        "weights (seed 1)",
        "for at most 50 epochs; the weights of the epoch with the lowest loss",
        "5 folds; all locations of an area are in one.",
        "Income deprivation in Bury (117 areas): mean absolute error",
        "better than always the median decile; not distinguishable from deciles of the nearest areas",
        "https://doi.org/10.1038/s41598-019-42036-w",
    ],
)
def test_methods_text_says_what_the_run_did(html: str, finished_run: FinishedRun, expected: str) -> None:
    text = parse(html).find("div", "text")[0].text
    assert expected in text
    assert finished_run.config.work_dir not in text
