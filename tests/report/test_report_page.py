"""The page of a whole run, read by an HTML parser: its content, and that it fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from parsed_page import Element, parse
from PIL import Image

from report_run import HOSTILE, NOT_PREDICTED, FinishedRun
from streetdeciles.run_log import StageReport

TITLES = ["Income deprivation", "Health deprivation and disability", "Living environment"]


@pytest.fixture(scope="module")
def page(html: str) -> Element:
    return parse(html)


def test_page_begins_with_title_and_notice(page: Element) -> None:
    (html,) = page.find("html")
    assert html.attributes["lang"] == "en"
    assert page.find("title")[0].text == "Demo <city>"
    assert [heading.text for heading in page.find("h1")] == ["Demo <city>"]
    (notice,) = page.find("p", "notice")
    assert notice.text == "Please note The photographs are not of Bury. <b>Nothing</b> here is a result."


def test_page_says_how_much_of_what(page: Element) -> None:
    (tiles,) = page.find("ul", "tiles")
    assert [tile.text for tile in tiles.find("li")] == [
        "117 of 120 areas in Bury predicted",
        "234 locations, all predicted",
        "930 of 936 photographs used",
        "3 outcomes",
        "5 folds of whole areas",
    ]


def test_plates_show_each_area_in_the_colour_of_its_decile(page: Element, finished_run: FinishedRun) -> None:
    """The small maps for paper, of every outcome: ColorBrewer's RdYlBu in the middle of each area, grey = unknown."""
    (block,) = page.find("script", type="application/json")
    (region,) = json.loads(str(block.parts[0]))["regions"]
    for panel, outcome in zip(page.find("div", "panel"), finished_run.config.dataset.outcomes, strict=True):
        (plates,) = panel.find("div", "plates")
        for image, deciles in zip(plates.find("img"), deciles_of(finished_run, outcome), strict=True):
            picture = Image.open(io.BytesIO(base64.b64decode(image.attributes["src"].partition(",")[2]))).convert("RGB")
            scale = 760 / max(region["map"]["width"], region["map"]["height"])
            labels = np.array(region["map"]["labels"]).reshape(-1, 3)
            large = labels[:, 2] * scale > 2
            seen = [picture.getpixel((round(x * scale) + 1, round(y * scale) + 1)) for x, y, _ in labels[large]]
            expected = [
                COLOURS[deciles[area]] for area, is_large in zip(region["areas"], large, strict=True) if is_large
            ]
            assert large.sum() > 90
            assert seen == expected


COLOURS = {
    0: (189, 189, 189), 1: (165, 0, 38), 2: (215, 48, 39), 3: (244, 109, 67), 4: (253, 174, 97), 5: (254, 224, 144),
    6: (224, 243, 248), 7: (171, 217, 233), 8: (116, 173, 209), 9: (69, 117, 180), 10: (49, 54, 149),
}  # fmt: skip


def deciles_of(run: FinishedRun, outcome: str) -> tuple[dict[str, int], dict[str, int]]:
    """True and predicted decile by area, 0 = not predicted."""
    true = run.labels[run.labels["outcome"] == outcome].set_index("area_id")["decile"]
    areas = run.area_predictions
    shown = areas[(areas["outcome"] == outcome) & (areas["method"] == "score_mean")]
    predicted = shown.set_index("area_id")["decile"].reindex(true.index).fillna(0)
    assert (predicted == 0).sum() == len(NOT_PREDICTED) == 3
    return true.to_dict(), predicted.astype(int).to_dict()


def test_maps_name_themselves_and_have_a_legend(page: Element) -> None:
    (figure,) = page.find("figure", "predicted")
    (canvas,) = figure.find("canvas", "marks")
    assert canvas.attributes["aria-label"].startswith("Map of Bury: predicted decile of Income deprivation, 120 areas")
    (legend, _) = page.find("div", "legend")
    assert [cell.attributes["class"] for cell in legend.find("i")] == [*(f"d{i}" for i in range(1, 11)), "d0"]


def test_accounting_follows_photographs_to_areas(page: Element) -> None:
    (table,) = page.find("table", "funnel")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tbody")[0].find("tr")]
    assert rows == [
        ["photographs with features", "930", "936", "", "6 rejected"],
        ["locations predicted", "234", "234", "", "none"],
        ["areas with locations", "117", "120", "", "3 without photographs"],
        ["areas predicted", "117", "120", "", "3 without prediction"],
    ]


def test_accounting_counts_locations_by_views(page: Element) -> None:
    (table,) = page.find("table", "views")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tbody")[0].find("tr")]
    assert [row[:3] for row in rows] == [["all 4", "228", "234"], ["3 of 4", "6", "234"], ["none", "0", "234"]]
    text = " ".join(page.text.split())
    assert "When they were taken Not known." in text
    assert re.search(r"Width and height 512 × 256 to 2,048 × 1,024 pixels, in the sample photographs below\.", text)


def test_table_for_paper_has_the_deciles_of_all_areas(page: Element, finished_run: FinishedRun) -> None:
    (printed,) = page.find("div", "printed")
    rows = {
        row.find("td")[0].text: [cell.text for cell in row.find("td")[1:]]
        for row in printed.find("tbody")[0].find("tr")
    }
    assert len(rows) == 120
    for number, outcome in enumerate(finished_run.config.dataset.outcomes):
        true, predicted = deciles_of(finished_run, outcome)
        assert {area: cells[number] for area, cells in rows.items()} == {
            area: f"{true[area]} → {predicted[area] or '–'}" for area in true
        }


def test_page_says_what_its_results_do_not_mean(page: Element) -> None:
    (limits,) = page.find("ul", "limits")
    assert [item.find("b")[0].text for item in limits.find("li")] == [
        "Neighbours are alike.",
        "No other place.",
        "Areas, not people.",
        "The age of the pictures.",
        "The choice of the epoch.",
    ]


def test_map_data_hold_every_outcome_for_the_script(page: Element, finished_run: FinishedRun) -> None:
    (block,) = page.find("script", type="application/json")
    data = json.loads(block.parts[0])  # type: ignore[arg-type]
    assert data["outcomes"] == TITLES
    (region,) = data["regions"]
    assert region["names"][region["areas"].index("E01004941")] == "Bury 021A"
    labels = finished_run.labels
    health = labels[labels["outcome"] == "imd_health"].set_index("area_id")["decile"]
    actual = base64.b64decode(region["values"][1]["actual"])
    assert [both >> 4 for both in actual] == [health[area] for area in region["areas"]]
    national = labels[labels["outcome"] == "imd_health"].set_index("area_id")["national_decile"]
    assert [both & 15 for both in actual] == [national[area] for area in region["areas"]]
    assert [region["located"][region["areas"].index(area)] for area in ("E01004990", NOT_PREDICTED[0])] == [2, 0]
    place = region["areas"].index(NOT_PREDICTED[0])
    assert (region["values"][1]["predicted"][place], region["values"][0]["n"][place]) == (None, 0)
    assert region["values"][1]["n"] is None  # as of the first outcome


def panel(page: Element, outcome: int) -> Element:
    (found,) = page.find("div", "panel", data_outcome=str(outcome))
    return found


def cells(table: Element) -> list[list[int]]:
    return [
        [int(cell.text or 0) for cell in row.find("td") if "total" not in cell.attributes.get("class", "")]
        for row in table.find("tbody")[0].find("tr")
    ]


def test_confusion_matrices_count_areas_and_locations(page: Element, finished_run: FinishedRun) -> None:
    run = finished_run
    areas = run.area_predictions.query("outcome == 'imd_health' and method == 'score_mean'")
    placed = pd.read_parquet(Path(run.config.work_dir) / "locations")[["location_id", "area_id"]]
    labels = run.labels.query("outcome == 'imd_health'")[["area_id", "decile"]].rename(columns={"decile": "true"})
    located = (
        run.predictions.query("outcome == 'imd_health'").merge(placed, on="location_id").merge(labels, on="area_id")
    )
    of_areas, of_locations = panel(page, 1).find("figure", "matrix")
    assert cells(of_areas) == crosstab(areas["true_decile"], areas["decile"])
    assert cells(of_locations) == crosstab(located["true"], located["decile"])
    exact = round(100 * float((located["true"] == located["decile"]).mean()))
    assert of_locations.find("p", "sum")[0].text.startswith(f"n = 234 single locations: {exact} % exact,")


def crosstab(true: pd.Series, predicted: pd.Series) -> list[list[int]]:
    table = np.zeros((10, 10), int)
    np.add.at(table, (true.to_numpy(int) - 1, predicted.to_numpy(int) - 1), 1)
    return table.tolist()


def test_metrics_table_holds_each_method_with_intervals_and_the_baseline(
    page: Element, finished_run: FinishedRun
) -> None:
    metrics = pd.read_parquet(Path(finished_run.config.work_dir) / "metrics").query("outcome == 'imd_income'")
    (table,) = panel(page, 0).find("table", "metrics")
    rows = [row for body in table.find("tbody") for row in body.find("tr")]
    assert [row.find("th")[0].text for row in rows] == [
        "Areas: decile of the mean score on the map",
        "Areas: median of the predicted deciles",
        "Areas: always the median decile baseline",
        "Single locations: before averaging",
        "Single locations: always the median decile baseline",
    ]
    row = metrics.query("level == 'area' and method == 'score_mean'").iloc[0]
    mae, accuracy = (rows[0].find("td")[i].text for i in (1, 2))
    assert mae == f"{row.mae:.2f} {row.mae_low:.2f} to {row.mae_high:.2f}"
    assert accuracy == f"{100 * row.accuracy:.0f} % {100 * row.accuracy_low:.0f} to {100 * row.accuracy_high:.0f} %"
    assert rows[2].find("td")[6].text == "–", "a constant has no rank correlation"


def test_overview_sets_each_outcome_beside_the_baseline(page: Element, finished_run: FinishedRun) -> None:
    metrics = pd.read_parquet(Path(finished_run.config.work_dir) / "metrics").query("level == 'area'")
    baseline = metrics[metrics["model"] == "median"].set_index("outcome")
    (table,) = page.find("table", "glance")
    rows = table.find("tbody")[0].find("tr")
    assert [str(row.find("th")[0].parts[0]) for row in rows] == TITLES
    for row, outcome in zip(rows, finished_run.config.dataset.outcomes, strict=True):
        assert f"baseline {baseline.mae[outcome]:.2f}" in row.text


def test_each_outcome_has_a_verdict_beside_the_baselines(page: Element) -> None:
    (table,) = page.find("table", "glance")
    for row in table.find("tbody")[0].find("tr"):
        assert row.find("small", "verdict")[0].text == (
            "117 areas; better than always the median decile; not distinguishable from deciles of the nearest areas; "
            "worse than ridge regression on mean features"
        )
    (table,) = panel(page, 0).find("table", "beside-table")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tbody")[0].find("tr")]
    assert [[row[i] for i in (0, 1, 3, 4)] for row in rows[1:]] == [
        ["always the median decile", "2.50", "−1.40 −1.60 to −1.20", "better than it"],
        ["deciles of the nearest areas", "1.20", "−0.10 −0.30 to 0.10", "not distinguishable from it"],
        ["ridge regression on mean features", "0.80", "0.30 0.10 to 0.50", "worse than it"],
    ]


def test_learning_curves_are_there_for_each_fold_and_outcome(page: Element) -> None:
    for outcome in range(3):
        curves = panel(page, outcome).find("figure", "curve")
        assert len(curves) == 2 * 5
        for curve in curves:
            (line,) = curve.find("polyline", "validation")
            assert len(line.attributes["points"].split()) == 30


def test_losses_are_counted_with_examples_and_without_folders(page: Element) -> None:
    (table,) = page.find("table", "losses")
    rows = [[cell.text for cell in row.find("th") + row.find("td")] for row in table.find("tbody")[0].find("tr")]
    assert [row[:3] for row in rows] == [
        ["labels", "no area", "1"],
        ["images", "other name", "1"],
        ["features", "truncated", "4"],
        ["features", "missing", "1"],
        ["features", "not an image", "1"],
    ]
    assert rows[1][3] == "<i>.gif"
    assert rows[2][3].count("1,024 of 40,112 bytes") == 3, "three examples of four"
    assert rows[3][3] == f"{HOSTILE} <img src=x onerror=alert(1)>.jpg: no such file"


def test_gallery_shows_photographs_with_true_and_predicted_deciles(page: Element, finished_run: FinishedRun) -> None:
    (gallery,) = page.find("div", "gallery")
    figures = [figure for figure in gallery.find("figure") if "random" in figure.attributes["data-lists"].split()]
    assert len(figures) == 12
    shown = []
    for figure in figures:
        (image,) = figure.find("img")
        kind, _, content = image.attributes["src"].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(content))).size) == 320
        location_id = figure.find("span", "exhibit")[0].text
        assert image.attributes["alt"].startswith(f"Street photograph of location {location_id}, view ")
        for place, outcome in enumerate(finished_run.config.dataset.outcomes):
            (line,) = figure.find("span", "deciles", data_outcome=str(place))
            shown.append((location_id, outcome, *[int(chip.text) for chip in line.find("span", "chip")]))
    assert {true for _, outcome, true, _ in shown if outcome == "imd_income"} == set(range(1, 11))
    known = held_out(finished_run)
    for location_id, outcome, true, predicted in shown:
        assert known[location_id, outcome] == (true, predicted)


def held_out(run: FinishedRun) -> dict[tuple[str, str], tuple[int, int]]:
    placed = pd.read_parquet(Path(run.config.work_dir) / "locations")[["location_id", "area_id"]]
    labels = run.labels.rename(columns={"decile": "true"})[["area_id", "outcome", "true"]]
    rows = run.predictions.merge(placed, on="location_id").merge(labels, on=["area_id", "outcome"])
    return {(row.location_id, row.outcome): (row.true, row.decile) for row in rows.itertuples()}


def test_page_lists_settings_versions_and_stages(page: Element) -> None:
    (settings,) = page.find("dl", "settings")
    settings_by_name = {pair.find("dt")[0].text: pair.find("dd")[0].text for pair in settings.find("div")}
    assert settings_by_name["Regions"] == "bury: Bury"
    assert settings_by_name["Published tables"] == "File_7_-_All_IoD2019_Ranks_Deciles.csv"
    assert settings_by_name["Features"] == "vgg16, weights random:1, precision auto, kept as float32"
    assert re.search(
        r"streetdeciles \S+, Python 3\.\d+\.\d+, Spark \d\.\S+, TensorFlow \S+, Keras 3", settings_by_name["Versions"]
    )
    (stages,) = page.find("table", "stages")
    rows = {row.find("th")[0].text: row.find("td") for row in stages.find("tbody")[0].find("tr")}
    assert list(rows)[:3] == ["labels", "images", "features"]
    assert len(rows) == 8
    assert "locations.csv: 1 location is in no area" in rows["labels"][1].text
    assert rows["features"][0].text == "1 min 28 s"
    assert rows["features"][1].text == "931 features 5 rejects device cpu, precision bfloat16, 11.2 images/s"


def test_page_holds_no_folder_of_the_machine(html: str, finished_run: FinishedRun) -> None:
    assert finished_run.config.work_dir not in html
    assert str(Path(__file__).parents[2]) not in html


def test_page_fetches_nothing_and_runs_its_own_script_only(html: str, page: Element) -> None:
    for element in page.everything():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"{element.tag} has {name}"
            if name in ("src", "href", "srcset", "action", "poster", "data"):
                assert value.startswith(("data:", "#")), f"{element.tag} {name}={value[:60]}"
    (style,) = page.find("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    data, library, script = page.find("script")
    assert data.attributes["type"] == "application/json"
    sources = [str(part) for element in (library, script) for part in element.parts]
    digests = [base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() for source in sources]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    (policy,) = [meta.attributes["content"] for meta in page.find("meta") if "http-equiv" in meta.attributes]
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed};" in policy
    assert not re.search(r"\bfetch\(|XMLHttpRequest|\bimport\(|\beval\(", "".join(sources))
    assert "innerHTML" not in sources[1]


def test_stage_reports_what_it_wrote(written_report: StageReport, page: Element) -> None:
    assert written_report.stage == "report"
    n_shown = len(page.find("div", "gallery")[0].find("figure"))
    counts = {"areas on maps": 120, "areas without outline": 0, "photographs shown": n_shown}
    assert written_report.counts == counts
    assert re.fullmatch(r"report\.html: \d\.\d MB", written_report.notes[0])


def test_page_names_publishers_and_says_which_deciles_it_shows(page: Element) -> None:
    (footer,) = page.find("footer")
    assert (
        "Published statistics: English Indices of Deprivation: Ministry of Housing, Communities and Local Government, "
        "Open Government Licence v3.0." in " ".join(footer.text.split())
    )
    text = " ".join(page.text.split())
    assert "rank areas within their region, and are not the national deciles that statistics offices publish" in text
