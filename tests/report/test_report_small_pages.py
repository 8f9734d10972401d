"""Small pages of literal frames: hostile names, other splits, and runs without boundaries or models."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import shapely
from parsed_page import parse

from report_run import report_config
from streetdeciles.report.charts import Tick
from streetdeciles.report.collect import HISTORY, Exhibit, Findings
from streetdeciles.report.gallery import Thumbnail
from streetdeciles.report.maps import Outline, draw_map
from streetdeciles.report.page import Run, outcome_titles, render
from streetdeciles.report.region_map import make_region_map
from streetdeciles.report.share_chart import Point, ShareChart
from streetdeciles.tables import BREAKDOWNS, CALIBRATION, COMPARISONS, METRICS

RUN = Run(reports=[], versions={"streetdeciles": "1.0"}, created="today")
SQUARE = shapely.box(0, 0, 1, 1)


def area_rows(region: str, *rows: tuple[str, float | None, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["area_id", "true_decile", "decile"])
    return frame.assign(
        region=region,
        outcome="imd",
        national_decile=None,
        mean_score=0.5,
        n_locations=1,
        n_located=1,
        district=None,
        fold=0,
        decile_low=None,
        decile_high=None,
        score_se=None,
    )


def findings(*areas: pd.DataFrame, **changes: Any) -> Findings:
    empty = Findings(
        areas=pd.concat(areas),
        confusion=pd.DataFrame(columns=["region", "outcome", "true_decile", "decile", "n"]),
        metrics=pd.DataFrame(columns=list(METRICS.columns)),
        comparisons=pd.DataFrame(columns=list(COMPARISONS.columns)),
        breakdowns=pd.DataFrame(columns=list(BREAKDOWNS.columns)),
        calibration=pd.DataFrame(columns=list(CALIBRATION.columns)),
        history=pd.DataFrame(columns=list(HISTORY)),
        losses=pd.DataFrame(columns=["stage", "reason", "n", "examples"]),
        locations=pd.DataFrame(columns=["region", "area_id", "location_id"]),
        counts={"locations": 3, "photographs": 4, "rejects": 0, "views": 4, "predicted": 2},
    )
    return replace(empty, **changes)


def small_page(
    shown_findings: Findings, outlines: dict[str, Outline], gallery: list[Thumbnail], *, run: Run = RUN, **changes: Any
) -> str:
    config = report_config(Path("run"), **{"dataset": {"outcomes": ["imd"]}, **changes})
    regions = list(shown_findings.areas["region"].unique())
    maps = []
    for region in regions:
        areas = shown_findings.areas[shown_findings.areas["region"] == region]
        maps.append(make_region_map(areas, outlines, draw_map(outlines, areas["area_id"]), region, ["imd"]))
    return render(shown_findings, config, run, maps=maps, gallery=gallery)


def test_hostile_names_stay_text() -> None:
    hostile = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'
    exhibit = Exhibit(hostile, "a", "E1", 0, "x.jpg", None, None, None, {"imd": (None, 4)})
    shown_findings = findings(
        area_rows("a", (hostile, 3, 4)),
        losses=pd.DataFrame([("images", hostile, 2, [{"id": hostile, "detail": hostile}])]).set_axis(
            ["stage", "reason", "n", "examples"], axis=1
        ),
    )
    html = small_page(
        shown_findings,
        {hostile: Outline(hostile, (SQUARE,))},
        [Thumbnail(exhibit, "data:image/jpeg;base64,AAAA")],
        report={"title": hostile, "notice": hostile, "attribution": hostile},
    )
    page = parse(html)
    assert len(page.find("script")) == 3
    sources = {image.attributes["src"].partition(",")[0] for image in page.find("img")}
    assert sources == {"data:image/jpeg;base64", "data:image/png;base64"}
    assert page.find("h1")[0].text == hostile
    assert page.find("span", "exhibit")[0].text == hostile
    (block,) = page.find("script", type="application/json")
    assert json.loads(block.parts[0])["regions"][0]["names"] == [hostile]  # type: ignore[arg-type]


def test_page_of_given_models_does_not_call_them_held_out() -> None:
    html = small_page(findings(area_rows("somewhere", ("a", 1, 2.0))), {}, [], prediction={"models": "london/models"})
    assert "the mean of models that were trained elsewhere" in " ".join(html.split())
    assert "had not seen" not in html
    assert "trained elsewhere; the mean score of its fold models" in html
    assert "london" not in html


def split_page(training: dict[str, Any] | None = None, **dataset: Any) -> str:
    """The text of a page of another split than five folds, without its scripts, styles and the whole config."""
    shown_findings = findings(
        area_rows("somewhere", ("a", 1, 2.0)), history=pd.DataFrame([("imd", 0, *[1.0] * 6)], columns=HISTORY)
    )
    config = report_config(Path("run"), dataset={"outcomes": ["imd"], **dataset}, training=training or {})
    areas = make_region_map(shown_findings.areas, {}, None, "somewhere", ["imd"])
    html = render(shown_findings, config, RUN, maps=[areas], gallery=[])
    return " ".join(parse(re.sub(r"<(script|style|pre)\b.*?</\1>", "", html, flags=re.DOTALL)).text.split())


def test_page_of_a_test_part_says_what_is_held_out() -> None:
    text = split_page(split="train_validation_test", test_share=0.25)
    assert "25 % of the locations held out, in whole areas" in text
    assert "Every location of the part that is held out, and no other, was predicted by a model that had not" in text
    assert "25 % of the locations held out, 15 % to validate on; all locations of an area are in one part" in text
    assert "2 of 3 locations predicted" in text
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
    shown_findings = findings(area_rows("a", ("E1", 3, 4)))
    labels = report_config(Path("run")).labels.model_dump() | {"boundaries": None}
    page = parse(small_page(shown_findings, {}, [], labels=labels))
    assert not page.find("figure", "map")
    assert "this run has no boundaries" in page.find("p", "nomap")[0].text
    assert len(page.find("details", "table")) == 1, "the areas are there as a table"


def test_page_whose_boundaries_hold_other_areas_says_so() -> None:
    page = parse(small_page(findings(area_rows("a", ("E1", 3, 4))), {"E9": Outline("", (SQUARE,))}, []))
    assert not page.find("figure", "map")
    assert "none of this region’s areas is in the boundaries" in page.find("p", "nomap")[0].text


def test_areas_without_an_outline_are_counted_and_listed() -> None:
    shown_findings = findings(area_rows("a", ("E1", 3, 4), ("E0", None, 10)))
    page = parse(small_page(shown_findings, {"E1": Outline("One", (SQUARE,))}, []))
    assert "1 of 2 areas have no outline" in page.text
    (block,) = page.find("script", type="application/json")
    (region,) = json.loads(block.parts[0])["regions"]  # type: ignore[arg-type]
    assert region["areas"] == ["E1", "E0"]
    assert region["values"] == [{"actual": "MAA=", "predicted": [4, 10], "n": [1, 1]}]  # the bytes 3 * 16 and 0
    assert len(region["map"]["paths"]) == 1


def test_page_of_nothing_lost_and_nothing_trained_says_so() -> None:
    text = parse(small_page(findings(area_rows("a", ("E1", None, None))), {}, [])).text
    assert "Nothing: the run used every location and every photograph." in text
    assert "No learning curves" in text
    assert "No measures for this outcome." in text
    assert "No prediction has an actual decile to compare with." in text
    assert "2 of 3 locations predicted" in text
    assert "Some of the photographs" not in text


def test_page_of_imported_features_does_not_speak_of_photographs_used() -> None:
    counts = {"locations": 3, "photographs": 8, "rejects": 2, "views": 4, "predicted": 2}
    dataset = {"outcomes": ["imd"], "import": {"features": "/home/me/features.h5", "table": "/home/me/table.csv"}}
    shown_findings = findings(area_rows("a", ("E1", 3, 4)), counts=counts)
    page = parse(small_page(shown_findings, {}, [], images=None, features=None, dataset=dataset))

    assert "of 8 imported views used" in page.text
    (funnel,) = page.find("table", "funnel")
    assert funnel.find("tbody")[0].find("tr")[0].text.split()[:5] == ["imported", "views", "used", "6", "8"]
    assert "From imported views to areas" in page.text
    assert "Nothing: the run used every location and every imported view." in page.text
    assert "Features made elsewhere, imported from features.h5" in page.text
    assert "The features of 3 locations with up to 4 views each were made by another program and imported" in page.text
    assert "/home/me" not in page.text


def test_several_regions_have_maps_and_panels_of_their_own() -> None:
    shown_findings = findings(area_rows("west_side", ("E1", 3, 4)), area_rows("Leeds (2011)", ("E2", 5, 6)))
    outlines = {name: Outline(name, (SQUARE,)) for name in ("E1", "E2")}
    page = parse(small_page(shown_findings, outlines, []))
    headings = [box.find("h3")[0].text for box in page.find("div", "region")]
    assert headings == ["Index of Multiple Deprivation in West Side", "Index of Multiple Deprivation in Leeds (2011)"]
    assert [box.attributes["data-region"] for box in page.find("div", "panel")] == ["0", "1"]
    assert "2 areas in 2 regions, all predicted" in page.text


def test_title_of_a_table_of_the_config_is_shown() -> None:
    own = {"column": "POV", "higher_is": "worse", "title": "Poverty <rate>"}
    labels = {
        "tables": [{"path": "x.csv", "columns": {"area_id": "GEOID", "outcomes": {"poverty": own}}}],
        "regions": {"cook": "all", "mine": {"file": "/home/me/areas.csv"}, "bury": ["Bury", "Bolton"]},
        "locations": "x.csv",
    }
    config = report_config(Path("run"), labels=labels, dataset={"outcomes": ["poverty", "overcrowding", "unknown"]})
    titles = {"poverty": "Poverty <rate>", "overcrowding": "Occupancy rating", "unknown": "unknown"}
    assert outcome_titles(config) == titles
    shown_findings = findings(area_rows("cook", ("a", 1, 2.0)))
    areas = make_region_map(shown_findings.areas, {}, None, "cook", [*titles])
    html = render(shown_findings, config, RUN, maps=[areas], gallery=[])
    text = " ".join(parse(html).text.split())
    assert "Poverty <rate>" in text
    assert "cook: every area; mine: the areas in areas.csv; bury: Bury, Bolton" in text
    assert "Census: Office for National Statistics, Open Government Licence v3.0." in text


def test_page_shows_transfer_between_regions() -> None:
    points = [
        Point(48.0, 20.0, 25.0, 15.0, "as is", 0, "2.50 (2.10 to 2.90)", "0.40 (0.20 to 0.60)"),
        Point(208.0, 90.0, None, None, "100 %", 1034, "1.20", "–"),
    ]
    line, ticks = "48.0,20.0 208.0,90.0", [Tick(130.0, "0")]
    chart = ShareChart("imd", 1200, points, line, ticks, source="the_<b>north", region="leeds")
    html = small_page(findings(area_rows("leeds", ("E1", 3, 4))), {}, [], run=replace(RUN, transfer=[chart]))
    (figure,) = [one for one in parse(html).find("figure") if "to Leeds" in one.text]
    assert "The <B>North to Leeds 1,200 areas" in figure.text
    assert "100 % 1,034 1.20 –" in figure.text
    assert "Beyond the regions of Transfer between regions , nothing here says" in parse(html).text
    assert len(figure.find("circle")) == 2


def test_page_asks_whether_more_areas_would_help() -> None:
    points = [Point(48.0, 20.0, 25.0, 15.0, "10 %", 8, "2.50 (2.10 to 2.90)", "–")]
    chart = ShareChart("imd", 1200, points, "48.0,20.0", [Tick(130.0, "0")])
    html = small_page(findings(area_rows("leeds", ("E1", 3, 4))), {}, [], run=replace(RUN, learning_curve=[chart]))
    (section,) = [each for each in parse(html).find("section") if "Would more areas help?" in each.text]
    assert "Index of Multiple Deprivation 1,200 locations; share in %" in section.text
    assert "Learned from Areas Mean error 10 % 8 2.50 (2.10 to 2.90)" in section.text


def test_areas_too_many_for_paper_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streetdeciles.report.page.MAX_PRINTED", 1)
    page = parse(small_page(findings(area_rows("a", ("E1", 3, 4), ("E2", 3, 4))), {}, []))
    (printed,) = page.find("div", "printed")
    assert "2 areas are too many for a page" in printed.text
    assert not printed.find("table")


def test_names_of_districts_are_on_the_page_as_text() -> None:
    names = ("Bury 001A", "Bury 001B", "<b> 001A", "<b> 001B")
    outlines = {f"E{i}": Outline(name, (shapely.box(i, 0, i + 1, 1),)) for i, name in enumerate(names)}
    page = parse(small_page(findings(area_rows("a", *((area, 3, 4) for area in outlines))), outlines, []))
    (drawing,) = page.find("svg", "districts")
    assert [text.text for text in drawing.find("text")] == ["<b>", "Bury"]
    assert len([use for use in page.find("use") if use.attributes["href"] == "#districts-0"]) == 2
    (block,) = page.find("script", type="application/json")
    assert json.loads(str(block.parts[0]))["regions"][0]["districts"]["names"] == ["<b>", "Bury"]
    assert "Dark lines are the borders of districts." in page.text


def test_page_of_one_district_has_no_borders() -> None:
    outlines = {"E1": Outline("Bury 001A", (SQUARE,))}
    page = parse(small_page(findings(area_rows("a", ("E1", 3, 4))), outlines, []))
    assert not page.find("svg", "districts")
    assert "borders of districts" not in page.text
