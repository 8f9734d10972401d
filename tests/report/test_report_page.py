"""The page itself, read by an HTML parser: what stands in it, that it is escaped, and that it fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from parsed_page import Element, parse
from PIL import Image
from report_run import HOSTILE, NOT_PREDICTED, FinishedRun, run_config

from streetdeciles.report.collect import HISTORY, Exhibit, Findings
from streetdeciles.report.gallery import Thumbnail
from streetdeciles.report.maps import Outline, draw_map
from streetdeciles.report.page import Run, outcome_titles, render
from streetdeciles.report.panels import make_region_map
from streetdeciles.run_log import StageReport
from streetdeciles.tables import METRICS

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
        "120 areas in Bury",
        "234 locations, all predicted",
        "936 photographs",
        "3 outcomes",
        "5 folds of whole areas",
    ]


def test_maps_show_each_area_in_the_colour_of_its_decile(page: Element, finished_run: FinishedRun) -> None:
    labels = finished_run.labels
    true = labels[labels["outcome"] == "imd_income"].set_index("area_id")["decile"]
    areas = finished_run.area_predictions
    shown = areas[(areas["outcome"] == "imd_income") & (areas["method"] == "score_mean")]
    predicted = shown.set_index("area_id")["decile"]
    order = sorted(true.index)
    assert classes(page, "true") == [f"d{true[area]}" for area in order]
    expected = [f"d{int(predicted[area])}" if area in predicted else "d0" for area in order]
    assert classes(page, "predicted") == expected
    assert expected.count("d0") == len(NOT_PREDICTED) == 3


def classes(page: Element, kind: str) -> list[str]:
    (figure,) = page.find("figure", kind)
    (areas,) = figure.find("g", "areas")
    return [path.attributes["class"] for path in areas.find("path")]


def test_maps_name_themselves_and_have_a_legend(page: Element) -> None:
    (figure,) = page.find("figure", "predicted")
    (svg,) = figure.find("svg")
    assert svg.attributes["aria-label"].startswith("Map of Bury: predicted decile of Income deprivation, 120 areas")
    (legend,) = page.find("div", "legend")
    assert [cell.attributes["class"] for cell in legend.find("i")] == [*(f"d{i}" for i in range(1, 11)), "d0"]


def test_map_data_hold_every_outcome_for_the_script(page: Element, finished_run: FinishedRun) -> None:
    (block,) = page.find("script", type="application/json")
    data = json.loads(block.parts[0])  # type: ignore[arg-type]
    assert data["outcomes"] == TITLES
    (region,) = data["regions"]
    assert region["names"][region["areas"].index("E01004941")] == "Bury 021A"
    labels = finished_run.labels
    health = labels[labels["outcome"] == "imd_health"].set_index("area_id")["decile"]
    assert region["values"][1]["true"] == [health[area] for area in region["areas"]]
    place = region["areas"].index(NOT_PREDICTED[0])
    assert [region["values"][1][name][place] for name in ("predicted", "n")] == [None, 0]


def panel(page: Element, outcome: int) -> Element:
    (found,) = page.find("div", "panel", data_outcome=str(outcome))
    return found


def cells(table: Element) -> list[list[int]]:
    return [[int(cell.text or 0) for cell in row.find("td")] for row in table.find("tbody")[0].find("tr")]


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
    assert [row.find("th")[0].text for row in rows] == TITLES
    for row, outcome in zip(rows, finished_run.config.dataset.outcomes, strict=True):
        assert f"baseline {baseline.mae[outcome]:.2f}" in row.text


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
    figures = gallery.find("figure")
    assert len(figures) == 12
    shown = []
    for figure in figures:
        (image,) = figure.find("img")
        kind, _, content = image.attributes["src"].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(content))).size) == 320
        location_id = figure.find("span", "place")[0].text
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


def test_page_tells_what_ran_on_what(page: Element) -> None:
    (settings,) = page.find("dl", "settings")
    told = {pair.find("dt")[0].text: pair.find("dd")[0].text for pair in settings.find("div")}
    assert told["Regions"] == "bury: Bury"
    assert told["Published tables"] == "File_7_-_All_IoD2019_Ranks_Deciles.csv"
    assert told["Features"] == "vgg16, weights random:1, precision auto, kept as float32"
    assert re.search(r"streetdeciles \S+, Python 3\.\d+\.\d+, Spark \d\.\S+, TensorFlow \S+, Keras 3", told["Versions"])
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
                assert value.startswith("data:"), f"{element.tag} {name}={value[:60]}"
    (style,) = page.find("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    data, script = page.find("script")
    assert data.attributes["type"] == "application/json"
    (source,) = script.parts
    assert isinstance(source, str)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    (policy,) = [meta.attributes["content"] for meta in page.find("meta") if "http-equiv" in meta.attributes]
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in policy
    assert not re.search(r"\bfetch\(|XMLHttpRequest|\bimport\(|innerHTML|\beval\(", source)


def test_stage_tells_what_it_wrote(written_report: StageReport) -> None:
    assert written_report.stage == "report"
    assert written_report.counts == {"areas on maps": 120, "areas without outline": 0, "photographs shown": 12}
    assert re.fullmatch(r"report\.html: \d\.\d MB", written_report.notes[0])


# From here on: small pages of literal frames.


def area_rows(region: str, *rows: tuple[str, float | None, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["area_id", "true_decile", "decile"])
    return frame.assign(region=region, outcome="imd", n_locations=1)


def findings(*areas: pd.DataFrame, **changes: Any) -> Findings:
    empty = Findings(
        areas=pd.concat(areas),
        confusion=pd.DataFrame(columns=["region", "outcome", "true_decile", "decile", "n"]),
        metrics=pd.DataFrame(columns=list(METRICS.columns)),
        history=pd.DataFrame(columns=list(HISTORY)),
        losses=pd.DataFrame(columns=["stage", "reason", "n", "examples"]),
        counts={"locations": 3, "photographs": 4, "predicted": 2},
    )
    return replace(empty, **changes)


RUN = Run(reports=[], versions={"streetdeciles": "1.0"}, created="today")
SQUARE = np.array([(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)], float)


def small_page(found: Findings, outlines: dict[str, Outline], gallery: list[Thumbnail], **changes: Any) -> str:
    config = run_config(Path("run"), dataset={"outcomes": ["imd"]}, **changes)
    regions = list(found.areas["region"].unique())
    maps = []
    for region in regions:
        areas = found.areas[found.areas["region"] == region]
        maps.append(make_region_map(areas, outlines, draw_map(outlines, areas["area_id"]), region, ["imd"]))
    return render(found, config, RUN, maps=maps, gallery=gallery)


def test_hostile_names_stay_text() -> None:
    hostile = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'
    exhibit = Exhibit(hostile, "a", "E1", 0, "x.jpg", None, None, None, {"imd": (None, 4)})
    found = findings(
        area_rows("a", (hostile, 3, 4)),
        losses=pd.DataFrame([("images", hostile, 2, [{"id": hostile, "detail": hostile}])]).set_axis(
            ["stage", "reason", "n", "examples"], axis=1
        ),
    )
    html = small_page(
        found,
        {hostile: Outline(hostile, (SQUARE,))},
        [Thumbnail(exhibit, "data:image/jpeg;base64,AAAA")],
        report={"title": hostile, "notice": hostile, "attribution": hostile},
    )
    page = parse(html)
    assert len(page.find("script")) == 2
    assert [image.attributes["src"] for image in page.find("img")] == ["data:image/jpeg;base64,AAAA"]
    assert page.find("h1")[0].text == hostile
    assert page.find("span", "place")[0].text == hostile
    (block,) = page.find("script", type="application/json")
    assert json.loads(block.parts[0])["regions"][0]["names"] == [hostile]  # type: ignore[arg-type]


def test_page_of_given_models_does_not_call_them_held_out() -> None:
    html = small_page(findings(area_rows("somewhere", ("a", 1, 2.0))), {}, [], prediction={"models": "london/models"})
    assert "the mean of models that were trained elsewhere" in " ".join(html.split())
    assert "had not seen" not in html
    assert "trained elsewhere; the mean score of its fold models" in html
    assert "london" not in html


def test_page_names_publishers_and_says_which_deciles_it_shows(page: Element) -> None:
    (footer,) = page.find("footer")
    assert (
        "Published statistics: English Indices of Deprivation: Ministry of Housing, Communities and Local Government, "
        "Open Government Licence v3.0." in " ".join(footer.text.split())
    )
    text = " ".join(page.text.split())
    assert "rank areas within their region, and are not the national deciles that statistics offices publish" in text


def test_title_of_a_table_of_the_config_is_shown() -> None:
    own = {"column": "POV", "higher_is": "worse", "title": "Poverty <rate>"}
    labels = {
        "tables": [{"path": "x.csv", "columns": {"area_id": "GEOID", "outcomes": {"poverty": own}}}],
        "regions": {"cook": "all", "mine": {"file": "/home/me/areas.csv"}, "bury": ["Bury", "Bolton"]},
        "locations": "x.csv",
    }
    config = run_config(Path("run"), labels=labels, dataset={"outcomes": ["poverty", "overcrowding", "unknown"]})
    titles = {"poverty": "Poverty <rate>", "overcrowding": "Occupancy rating", "unknown": "unknown"}
    assert outcome_titles(config) == titles
    found = findings(area_rows("cook", ("a", 1, 2.0)))
    areas = make_region_map(found.areas, {}, None, "cook", [*titles])
    html = render(found, config, RUN, maps=[areas], gallery=[])
    text = " ".join(parse(html).text.split())
    assert "Poverty <rate>" in text
    assert "cook: every area; mine: the areas in areas.csv; bury: Bury, Bolton" in text
    assert "Census: Office for National Statistics, Open Government Licence v3.0." in text


def split_page(training: dict[str, Any] | None = None, **dataset: Any) -> str:
    """The text of a page of another split than five folds, of which all models are there."""
    found = findings(
        area_rows("somewhere", ("a", 1, 2.0)), history=pd.DataFrame([("imd", 0, *[1.0] * 6)], columns=HISTORY)
    )
    config = run_config(Path("run"), dataset={"outcomes": ["imd"], **dataset}, training=training or {})
    areas = make_region_map(found.areas, {}, None, "somewhere", ["imd"])
    return " ".join(parse(render(found, config, RUN, maps=[areas], gallery=[])).text.split())


def test_page_of_a_test_part_says_what_is_held_out() -> None:
    text = split_page(split="train_validation_test", test_share=0.25)
    assert "25 % of the locations held out, in whole areas" in text
    assert "Every location of the part that is held out, and no other, was predicted by a model that had not" in text
    assert "25 % of the locations held out, 15 % to validate on; all locations of an area are in one part" in text
    assert "2 locations predicted, of 3" in text
    assert "folds" not in text
    assert "Fold 0" not in text


def test_page_of_held_out_deciles_says_which() -> None:
    text = split_page(split="by_class", held_out_deciles=[10, 1])
    assert "2 of ten deciles held out" in text
    assert "predicted from photographs of their streets by models that had seen no location of decile 1 or 10." in text
    assert (
        "Every location whose true decile is 1 or 10, and no other, was predicted by a model that had seen no" in text
    )
    assert "folds" not in text


def test_page_of_one_fold_says_that_others_are_not_predicted() -> None:
    text = split_page(training={"folds": [2]})
    assert "1 of 5 folds of whole areas" in text
    assert "Every location of fold 2, and no other, was predicted by a model that had not seen its area" in text
    assert "Fold 0" in text


def test_page_without_boundaries_says_so() -> None:
    found = findings(area_rows("a", ("E1", 3, 4)))
    labels = run_config(Path("run")).labels.model_dump() | {"boundaries": None}
    page = parse(small_page(found, {}, [], labels=labels))
    assert not page.find("figure", "map")
    assert "this run has no boundaries" in page.find("p", "nomap")[0].text
    assert len(page.find("details", "table")) == 1, "the areas are there as a table"


def test_page_whose_boundaries_hold_other_areas_says_so() -> None:
    page = parse(small_page(findings(area_rows("a", ("E1", 3, 4))), {"E9": Outline("", (SQUARE,))}, []))
    assert not page.find("figure", "map")
    assert "none of this region’s areas is in the boundaries" in page.find("p", "nomap")[0].text


def test_areas_without_an_outline_are_counted_and_listed() -> None:
    found = findings(area_rows("a", ("E1", 3, 4), ("E0", None, 10)))
    page = parse(small_page(found, {"E1": Outline("One", (SQUARE,))}, []))
    assert page.find("p", "aside")[0].text.startswith("1 of 2 areas have no outline")
    assert classes(page, "true") == ["d3"]
    (block,) = page.find("script", type="application/json")
    (region,) = json.loads(block.parts[0])["regions"]  # type: ignore[arg-type]
    assert region["areas"] == ["E1", "E0"]
    assert region["values"] == [{"true": [3, None], "predicted": [4, 10], "n": [1, 1]}]


def test_page_of_nothing_lost_and_nothing_trained_says_so() -> None:
    text = parse(small_page(findings(area_rows("a", ("E1", None, None))), {}, [])).text
    assert "Nothing: the run used every location and every photograph." in text
    assert "No learning curves" in text
    assert "No measures for this outcome." in text
    assert "No prediction has an actual decile to compare with." in text
    assert "2 locations predicted, of 3" in text
    assert "Some of the photographs" not in text


def test_several_regions_have_maps_and_panels_of_their_own() -> None:
    found = findings(area_rows("west_side", ("E1", 3, 4)), area_rows("Leeds (2011)", ("E2", 5, 6)))
    outlines = {name: Outline(name, (SQUARE,)) for name in ("E1", "E2")}
    page = parse(small_page(found, outlines, []))
    headings = [box.find("h3")[0].text for box in page.find("div", "region")]
    assert headings == ["Index of Multiple Deprivation in West Side", "Index of Multiple Deprivation in Leeds (2011)"]
    assert [box.attributes["data-region"] for box in page.find("div", "panel")] == ["0", "1"]
    assert "2 areas in 2 regions" in page.text
