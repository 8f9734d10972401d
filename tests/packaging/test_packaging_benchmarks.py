"""How benchmarks measure, keep and show what they found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from charts import Chart, charts, mermaid
from measure import RESULTS, Comparison, interleaved, read_results, record, this_machine
from run_all import benchmarks, main
from table import BEGIN, BEGIN_CHARTS, END, END_CHARTS, markdown, newest, refreshed

REPOSITORY = Path(__file__).parents[2]


def test_sides_take_turns_and_medians_are_compared() -> None:
    turns: list[str] = []
    ours, other = iter([9.0, 1.0, 6.0]), iter([2.0, 8.0, 3.0])

    def one(name: str, figures: object) -> float:
        turns.append(name)
        return float(next(figures))  # type: ignore[call-overload]

    compared = interleaved(lambda: one("ours", ours), lambda: one("other", other), runs=3)
    assert turns == ["ours", "other"] * 3
    assert compared == Comparison(ours=6.0, other=3.0, runs=3)
    assert compared.ratio == 2.0


def test_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="runs must be at least 1, not 0"):
        interleaved(lambda: 1.0, lambda: 1.0, runs=0)


def test_record_appends_an_object_with_the_agreed_keys(tmp_path: Path) -> None:
    for ours in (3.0, 13.70123):
        record("x", Comparison(ours, 7.1, 5), unit="images/s", other_is="float32", machine="here", folder=tmp_path)
    first, second = json.loads((tmp_path / "x.json").read_text())
    assert first["ours"] == 3.0
    assert second == {
        "name": "x",
        "unit": "images/s",
        "ours": 13.7,
        "other": 7.1,
        "other_is": "float32",
        "ratio": 1.93,
        "runs": 5,
        "machine": "here",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_machine_is_told_by_model_cores_and_bfloat16() -> None:
    assert re.fullmatch(r".+, \d+ cores, (.*(avx512_bf16|amx_bf16).*|no bfloat16 instructions)", this_machine())


def test_table_shows_the_newest_of_each_and_stands_between_its_marks(tmp_path: Path) -> None:
    for ours, machine in ((2.0, "a"), (4.0, "a"), (9.0, "b")):
        record("x", Comparison(ours, 2.0, 3), unit="rows/s", other_is="a|b", machine=machine, folder=tmp_path)
    table = markdown(newest(tmp_path))
    assert table.splitlines()[2:] == [
        r"| x | 4.0 | 2.0 | 2.0 | rows/s | a\|b | 3 | a |",
        r"| x | 9.0 | 2.0 | 4.5 | rows/s | a\|b | 3 | b |",
    ]
    page = refreshed(f"before\n{BEGIN}\nold\n{END}\nafter\n", table)
    assert page == f"before\n{BEGIN}\n\n{table}\n\n{END}\nafter\n"
    assert refreshed(page, table) == page
    with pytest.raises(ValueError, match="expected the lines"):
        refreshed("a page without marks", table)


def test_charts_show_the_newest_results_that_they_name(tmp_path: Path) -> None:
    chart = Chart("Title", "ratio", "times", on_gpu=False, labels={"y": "why", "none": "never run", "x": "an x"})
    for name, ours, machine in (("x", 2.0, "a"), ("x", 3.0, "b"), ("x", 8.0, "NVIDIA T4"), ("y", 5.0, "a")):
        record(name, Comparison(ours, 2.0, 3), unit="s", other_is="o", machine=machine, folder=tmp_path)
    results = newest(tmp_path)
    assert mermaid(chart, results).splitlines() == [
        "```mermaid",
        "xychart-beta horizontal",
        '    title "Title"',
        '    x-axis ["why", "an x"]',
        '    y-axis "times" 0 --> 2.5',
        "    bar [2.5, 1.5]",
        "```",
    ]
    assert mermaid(replace(chart, on_gpu=True, key="ours"), results).splitlines()[5] == "    bar [8]"
    assert mermaid(chart, []) == ""


def test_performance_page_has_the_marks_and_the_newest_charts() -> None:
    page = (REPOSITORY / "docs" / "performance.md").read_text()
    assert refreshed(page, "") != ""
    assert refreshed(page, charts(newest(RESULTS)), BEGIN_CHARTS, END_CHARTS) == page


@pytest.mark.parametrize("path", ["docs/scale.md", "docs/performance.md"])
def test_rates_of_a_forecast_are_those_last_measured(path: str) -> None:
    """In the tables of a national run: of measured rates the newest, of computed ones that of the page on GPUs."""
    cells = [cell for line in table_below(path, "England") for cell in line.split("|")]
    computed = re.findall(r"([\d,]+), computed", (REPOSITORY / "deploy" / "gpu" / "README.md").read_text())
    measured = {f"{row['ours']:,.0f}" for row in newest(RESULTS)}
    elsewhere = ("four tasks on the GPU", "one run, not through Spark")  # by hand: it has no file of results
    rates = {
        rate: cell
        for cell in cells
        if not any(words in cell for words in elsewhere)
        for rate in re.findall(r"([\d,]+)(?: [a-z-]+)?(?:/s| a second)", cell)
    }
    assert len(rates) >= 4
    assert {rate: cell for rate, cell in rates.items() if rate not in {*measured, *computed}} == {}


def table_below(path: str, heading: str) -> list[str]:
    """The lines of the first table below the heading that has this word."""
    text = (REPOSITORY / path).read_text(encoding="utf-8")
    below = re.split(rf"^#+ .*{heading}.*$", text, maxsplit=1, flags=re.MULTILINE)[1]
    return re.findall(r"^\|.*\|$", below.split("\n#")[0], re.MULTILINE)


def test_run_all_runs_every_script_and_fails_where_one_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "measure.py").write_text("raise SystemExit(9)")
    (tmp_path / "a.py").write_text("raise SystemExit(1)")
    (tmp_path / "b.py").write_text("print('b ran')")
    assert main(tmp_path) == 1
    output = capfd.readouterr().out
    assert "b ran" in output
    assert "a.py failed" in output
    assert {path.name for path in benchmarks(REPOSITORY / "benchmarks")} >= {"training.py"}


def test_no_results_is_an_empty_list(tmp_path: Path) -> None:
    assert read_results(tmp_path / "none.json") == []
