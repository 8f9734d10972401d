"""The page in a real browser: nothing is fetched, nothing fails, and the maps have the colours of their deciles."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import shapely
import yaml
from test_report_small_pages import area_rows, findings, small_page

from report_run import NOT_PREDICTED, FinishedRun
from streetdeciles.report.maps import Outline

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

# ColorBrewer's RdYlBu of ten classes, as it was published; 0 is the grey of what is not known.
PUBLISHED = """189,189,189 165,0,38 215,48,39 244,109,67 253,174,97 254,224,144 224,243,248 171,217,233 116,173,209
69,117,180 49,54,149"""
FILLS = [f"rgb({colour.replace(',', ', ')})" for colour in PUBLISHED.split()]

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip(f"there is no Chromium on this machine: none of {', '.join(CHROMIUMS)} is on the PATH")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()


BY_TESTS = "willReadFrequently"
"""Chromium's advice to these tests, which read the maps' pixels."""


@pytest.fixture
def opened(browser: Browser, html: str, finished_run: FinishedRun) -> Iterator[Page]:
    """The report in a fresh tab; in the end nothing may have failed, and nothing but the file have been asked for."""
    address = (Path(finished_run.config.work_dir) / "report.html").as_uri()
    failures: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    page.on("console", lambda message: failures.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert [failure for failure in failures if BY_TESTS not in failure] == []
    assert [url for url in asked if not url.startswith("data:")] == [address]


AREAS_ON = """({kind, fills}) => {
    const data = JSON.parse(document.getElementById("areas").textContent).regions[0];
    const canvas = document.querySelector(`.map.${kind} canvas.base`), context = canvas.getContext("2d");
    const { width, height, labels } = data.map;
    const density = canvas.width / canvas.clientWidth;
    const scale = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) / 1.04;
    const [left, top] = [(canvas.clientWidth - width * scale) / 2, (canvas.clientHeight - height * scale) / 2];
    return data.areas.map((_, i) => {
        const [x, y, radius] = labels.slice(3 * i, 3 * i + 3);
        const side = Math.max(1, Math.floor(radius * scale * density));
        const at = [(left + x * scale) * density - side / 2, (top + y * scale) * density - side / 2];
        const pixels = context.getImageData(...at.map(Math.round), side, side).data;
        const seen = fills.map(() => 0);
        for (let p = 0; p < pixels.length; p += 4) {
            const fill = fills.indexOf(`rgb(${pixels[p]}, ${pixels[p + 1]}, ${pixels[p + 2]})`);
            if (fill >= 0) seen[fill] += 1;
        }
        return seen.indexOf(Math.max(...seen));
    });
}"""


def deciles_on(page: Page, kind: str) -> list[int]:
    """The decile of each area on a map, by the colour that most pixels in its middle have; 0 = grey."""
    deciles: list[int] = page.evaluate(AREAS_ON, {"kind": kind, "fills": FILLS})
    return deciles


def expected(run: FinishedRun, outcome: str) -> tuple[list[int], list[int]]:
    """True and predicted decile of Bury's areas in the order of their codes, straight from the tables."""
    labels = run.labels[run.labels["outcome"] == outcome].set_index("area_id")["decile"].sort_index()
    areas = run.area_predictions
    areas = areas[(areas["outcome"] == outcome) & (areas["method"] == "score_mean")].set_index("area_id")["decile"]
    return labels.tolist(), areas.reindex(labels.index).fillna(0).astype(int).tolist()


def test_maps_have_the_colours_of_their_deciles(opened: Page, finished_run: FinishedRun) -> None:
    true, predicted = deciles_on(opened, "true"), deciles_on(opened, "predicted")
    assert len(true) == len(predicted) == 120
    assert (true, predicted) == expected(finished_run, "imd_income")
    assert predicted.count(0) == len(NOT_PREDICTED)


def test_maps_are_large_enough_to_be_seen(opened: Page) -> None:
    box = opened.locator(".map.true canvas.base").bounding_box()
    assert box is not None
    assert box["height"] > 400


def test_choosing_an_outcome_changes_maps_panel_and_gallery(opened: Page, finished_run: FinishedRun) -> None:
    opened.get_by_role("radio", name="Living environment").check()
    outcome = "imd_living_environment"
    assert (deciles_on(opened, "true"), deciles_on(opened, "predicted")) == expected(finished_run, outcome)
    assert opened.locator(".region h3").inner_text() == "Living environment in Bury"
    assert shown(opened.locator(".panel")) == ["2"]
    assert set(shown(opened.locator(".gallery .deciles"))) == {"2"}


def shown(elements: Locator) -> list[str]:
    return [str(element.get_attribute("data-outcome")) for element in elements.all() if element.is_visible()]


def test_choosing_an_outcome_renames_the_maps(opened: Page) -> None:
    opened.get_by_role("radio", name="Living environment").check()
    names = [str(each.get_attribute("aria-label")) for each in opened.locator("canvas.marks").all()]
    assert names == [f"Map of Bury: {kind} decile of Living environment, 120 areas" for kind in ("actual", "predicted")]


@pytest.mark.parametrize("code", ["E01004990", NOT_PREDICTED[2]])
def test_found_area_is_shown_with_what_is_known_of_it(opened: Page, finished_run: FinishedRun, code: str) -> None:
    opened.get_by_label("Find an area").fill(code)
    opened.locator(".search li button").click()
    pinned = opened.locator(".pinned")
    assert pinned.locator("b").inner_text().startswith("Bury 0")
    check_description(pinned.inner_text(), finished_run, code)
    assert f"area={code}" in opened.url
    tip_in_the_middle_of_the_map(opened)
    check_description(opened.locator("#tip").inner_text(), finished_run, code)
    opened.mouse.move(2, 2)
    assert opened.locator("#tip").is_hidden()


def check_description(text: str, run: FinishedRun, code: str) -> None:
    true, predicted = expected(run, "imd_income")
    at = sorted(set(run.labels["area_id"])).index(code)
    labels = run.labels[run.labels["outcome"] == "imd_income"].set_index("area_id")
    words = " ".join(text.split())
    assert code in words
    assert f"actual {true[at]} predicted {predicted[at] or 'no photographs'}" in words
    assert f"national decile {labels['national_decile'][code]}" in words
    assert words.endswith("2 locations" if predicted[at] else "0 locations")


def tip_in_the_middle_of_the_map(page: Page) -> None:
    """The map has moved to the area: its label lies near the middle, and the pointer goes there."""
    page.wait_for_url(lambda url: "zoom=" in url)
    marks = page.locator("canvas.marks").nth(1)
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    assert box is not None
    x, y = page.evaluate(LABEL_OF_PINNED)
    page.mouse.move(box["x"] + x, box["y"] + y)


LABEL_OF_PINNED = """() => {
    const data = JSON.parse(document.getElementById("areas").textContent).regions[0];
    const link = new URLSearchParams(location.hash.slice(1));
    const [k, left, top] = link.get("zoom").split(",").map(Number);
    const { clientWidth, clientHeight } = document.querySelector("canvas.marks");
    const { width, height, labels } = data.map;
    const i = data.areas.indexOf(link.get("area"));
    const scale = Math.min(clientWidth / width, clientHeight / height) / 1.04;
    const [x, y] = [labels[3 * i] * scale, labels[3 * i + 1] * scale];
    return [left * clientWidth + k * (x + (clientWidth - width * scale) / 2),
            top * clientHeight + k * (y + (clientHeight - height * scale) / 2)];
}"""


def test_link_restores_the_view(opened: Page, browser: Browser) -> None:
    opened.get_by_role("radio", name="Health").check()
    opened.get_by_role("radio", name="Difference").check()
    opened.get_by_label("Find an area").fill("E01004990")
    opened.get_by_label("Find an area").press("Enter")
    opened.wait_for_url(lambda url: "zoom=" in url)
    again = browser.new_page(viewport={"width": 1300, "height": 900})
    again.goto(opened.url)
    again.wait_for_timeout(300)  # longer than a map takes to settle
    assert again.get_by_role("radio", name="Health").is_checked()
    assert again.get_by_role("radio", name="Difference").is_checked()
    assert "E01004990" in again.locator(".pinned").inner_text()
    assert again.url == opened.url
    again.close()


def test_right_map_shows_differences_and_locations(opened: Page, finished_run: FinishedRun) -> None:
    before = opened.locator(".map.predicted canvas.base").screenshot()
    for layer, title in [("Difference", "Predicted minus actual decile"), ("Locations", "Locations predicted")]:
        opened.get_by_role("radio", name=layer).check()
        assert opened.locator(".map.predicted figcaption b").inner_text() == title
        assert title in str(opened.locator(".legend.other").get_attribute("aria-label"))
        assert opened.locator(".map.predicted canvas.base").screenshot() != before
    opened.get_by_role("radio", name="Predicted").check()
    assert deciles_on(opened, "predicted") == expected(finished_run, "imd_income")[1]


def test_maps_zoom_by_wheel_buttons_and_keys(opened: Page, finished_run: FinishedRun) -> None:
    marks = opened.locator("canvas.marks").first
    zooms = [
        lambda: opened.get_by_label("Zoom in").click(),
        lambda: marks.press("+"),
        lambda: opened.mouse.wheel(0, -300),
    ]
    for zoom in zooms:
        marks.scroll_into_view_if_needed()
        marks.hover()
        zoom()
        opened.wait_for_url(lambda url: "zoom=" in url)
        opened.get_by_role("button", name="Whole map").click()
        opened.wait_for_url(lambda url: "zoom=" not in url)
    assert deciles_on(opened, "true") == expected(finished_run, "imd_income")[0]


def rows_of_table(page: Page) -> list[list[str]]:
    return [row.split("\t") for row in page.locator(".areas-table tbody tr").all_inner_texts()]


def test_areas_are_listed_by_how_far_off_they_are(opened: Page, finished_run: FinishedRun) -> None:
    opened.get_by_text("Table of areas").click()
    rows = rows_of_table(opened)
    assert len(rows) == 120
    known = [(int(row[2]), int(row[4])) for row in rows if row[4] != "no photographs"]
    off = [abs(true - predicted) for true, predicted in known]
    assert off == sorted(off, reverse=True)
    true, predicted = expected(finished_run, "imd_income")
    assert sorted(known) == sorted((t, p) for t, p in zip(true, predicted, strict=True) if p)
    assert [row[1] for row in rows[-3:]] == list(NOT_PREDICTED)


def test_table_sorts_and_filters(opened: Page) -> None:
    opened.get_by_text("Table of areas").click()
    opened.get_by_role("button", name="Code").click()
    codes = [row[1] for row in rows_of_table(opened)]
    assert codes == sorted(codes)
    opened.get_by_label("Filter").fill("bury 021")
    assert {row[0][:8] for row in rows_of_table(opened)} == {"Bury 021", "Bury 001"}
    assert "E01005021" in [row[1] for row in rows_of_table(opened) if row[0].startswith("Bury 001")]


def test_saved_table_opens_in_pandas(opened: Page, finished_run: FinishedRun, tmp_path: Path) -> None:
    opened.get_by_text("Table of areas").click()
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(tmp_path / "areas.csv")
    saved = pd.read_csv(tmp_path / "areas.csv").set_index("area_id").sort_index()
    for outcome in finished_run.config.dataset.outcomes:
        true, predicted = expected(finished_run, outcome)
        assert saved[f"{outcome}_actual"].tolist() == true
        assert saved[f"{outcome}_predicted"].fillna(0).tolist() == predicted
        assert saved[f"{outcome}_high"].fillna(0).tolist() == [decile and min(10, decile + 2) for decile in predicted]


@pytest.mark.parametrize("kind", [{"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_maps_and_legend_keep_their_colours(
    browser: Browser, html: str, finished_run: FinishedRun, kind: dict[str, Any]
) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 900}, **kind)
    page.goto((Path(finished_run.config.work_dir) / "report.html").as_uri())
    assert deciles_on(page, "true") == expected(finished_run, "imd_income")[0]
    fills = page.locator(".legend:not(.other) .scale i").evaluate_all(
        "steps => steps.map(step => getComputedStyle(step).backgroundColor)"
    )
    assert fills == FILLS[1:]
    page.close()


def test_no_text_is_smaller_than_twelve_pixels(opened: Page) -> None:
    sizes = opened.evaluate("""() => [...document.querySelectorAll("body *")]
        .filter(e => e.offsetParent && [...e.childNodes].some(c => c.nodeType === 3 && c.textContent.trim()))
        .map(e => parseFloat(getComputedStyle(e).fontSize))""")
    assert min(sizes) >= 12


@pytest.mark.parametrize("width", [360, 390, 768, 1300])
def test_page_is_as_wide_as_the_window(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 844})
    assert opened.evaluate("document.documentElement.scrollWidth") == width


def test_page_without_script_still_shows_maps_of_all_outcomes(
    browser: Browser, html: str, finished_run: FinishedRun
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto((Path(finished_run.config.work_dir) / "report.html").as_uri())
    assert [plate.is_visible() for plate in page.locator(".plates img").all()] == [True] * 2 * 3
    assert [panel.is_visible() for panel in page.locator(".panel").all()] == [True] * 3
    for hidden in (".pickers", ".maps", ".tools", "details.table"):
        assert not any(each.is_visible() for each in page.locator(hidden).all())
    page.close()


def test_print_shows_all_outcomes(opened: Page) -> None:
    opened.emulate_media(media="print")
    assert [plate.is_visible() for plate in opened.locator(".plates img").all()] == [True] * 2 * 3
    assert [panel.is_visible() for panel in opened.locator(".panel").all()] == [True] * 3


def test_page_is_printed_on_a_few_sheets(opened: Page) -> None:
    content = opened.pdf(format="A4", print_background=True)
    assert 2 <= content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") <= 20


def test_listed_area_is_shown_on_the_map(opened: Page) -> None:
    link = opened.locator(".panel:not([hidden]) .listed a").first
    name = link.inner_text()
    link.click()
    assert opened.locator(".pinned b").inner_text() == name
    opened.wait_for_url(lambda url: "zoom=" in url)
    assert opened.locator(".panel:not([hidden]) circle.chosen").count() == 1


def test_dot_of_the_scatter_tells_its_area(opened: Page, finished_run: FinishedRun) -> None:
    dots = opened.locator(".panel:not([hidden]) .chart circle")
    assert dots.count() == 117
    dots.nth(20).hover(force=True)
    check_description(opened.locator("#tip").inner_text(), finished_run, opened.locator("#tip .code").inner_text())


def test_right_map_shows_the_folds(opened: Page) -> None:
    opened.get_by_role("radio", name="Folds").check()
    assert opened.locator(".map.predicted figcaption b").inner_text() == "Fold in which the area is held out"
    assert opened.locator(".legend.other .scale i").all_inner_texts() == ["0", "1", "2", "3", "4"]


def test_gallery_shows_right_and_wrong_predictions_of_the_outcome(opened: Page, finished_run: FinishedRun) -> None:
    opened.get_by_role("radio", name="Health").check()
    for choice, is_right in {"Most confident and right": True, "Furthest off": False}.items():
        opened.get_by_role("radio", name=choice).check()
        figures = [figure for figure in opened.locator(".gallery figure").all() if figure.is_visible()]
        assert len(figures) == 6
        chips = [figure.locator(".deciles:not([hidden]) .chip").all_inner_texts() for figure in figures]
        assert [true == predicted for true, predicted in chips] == [is_right] * 6
    opened.locator(".gallery figure:not([hidden]) a").first.click()
    opened.wait_for_url(lambda url: "area=" in url)
    assert opened.locator(".pinned").is_visible()


def test_settings_and_methods_are_copied(browser: Browser, html: str, finished_run: FinishedRun) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto((Path(finished_run.config.work_dir) / "report.html").as_uri())
    copied = []
    for summary in ("Settings as YAML", "Methods text for a paper"):
        page.get_by_text(summary).click()
        page.locator(".copied[open] .copy-text").last.click()
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    settings = yaml.safe_load(copied[0])
    assert settings["dataset"]["outcomes"] == list(finished_run.config.dataset.outcomes)
    assert settings["labels"]["boundaries"]["path"] == "lsoa11_bury.geojson"
    assert "Open Government Licence v3.0" in copied[1]
    context.close()


def test_intervals_are_on_the_map_in_the_tip_and_in_the_table(opened: Page, finished_run: FinishedRun) -> None:
    opened.get_by_role("radio", name="Uncertainty").check()
    assert opened.locator(".map.predicted figcaption b").inner_text() == "Deciles in the 80 % interval"
    predicted = expected(finished_run, "imd_income")[1]
    ends = [f"{max(1, decile - 2)} to {min(10, decile + 2)}" if decile else "–" for decile in predicted]
    opened.get_by_text("Table of areas").click()
    opened.get_by_role("button", name="Code").click()
    assert [row[6] for row in rows_of_table(opened)] == ends
    assert [row[7] for row in rows_of_table(opened)] == ["2 few" if decile else "0" for decile in predicted]
    opened.get_by_label("Find an area").fill("E01004990")
    opened.locator(".search li button").click()
    text = opened.locator("div.pinned").inner_text()
    assert f"80 % interval {ends[sorted(set(finished_run.labels['area_id'])).index('E01004990')]}" in text
    assert "fewer than 5 locations: less sure" in text


@pytest.mark.parametrize("kind", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_axe_finds_no_violation(browser: Browser, html: str, finished_run: FinishedRun, kind: dict[str, Any]) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="not installed: pip install axe-playwright-python"
    )
    context = browser.new_context(bypass_csp=True, **kind)
    page = context.new_page()
    page.goto((Path(finished_run.config.work_dir) / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    results = axe.Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    context.close()


def test_area_is_found_by_the_id_of_a_location(opened: Page, finished_run: FinishedRun) -> None:
    placed = pd.read_parquet(Path(finished_run.config.work_dir) / "locations").set_index("location_id")["area_id"]
    opened.get_by_label("Find an area").fill("bl1 05")
    opened.locator(".search li button").click()
    assert placed["BL1 05"] in opened.locator("div.pinned").inner_text()


INK_AT = """([across, down, reach]) => {
    const { width, height } = JSON.parse(document.getElementById("areas").textContent).regions[0].map;
    return [...document.querySelectorAll("canvas.base")].map((canvas) => {
        const density = canvas.width / canvas.clientWidth;
        const scale = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) / 1.04;
        const [left, top] = [(canvas.clientWidth - width * scale) / 2, (canvas.clientHeight - height * scale) / 2];
        const [x, y] = [left + across * scale - reach, top + down * scale - reach].map(Math.round);
        const box = [x, y, 2 * reach, 2 * reach].map((side) => side * density);
        const { data } = canvas.getContext("2d").getImageData(...box);
        const isInk = (p) => Math.max(data[p], data[p + 1], data[p + 2]) < 100 && data[p + 3] > 200;
        return [...Array(data.length / 4).keys()].some((i) => isInk(4 * i));
    });
}"""


@pytest.mark.parametrize("kind", [{}, {"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_borders_and_names_of_districts_are_above_the_areas(browser: Browser, kind: dict[str, Any]) -> None:
    """Four areas in a row, 8,000 units wide: of two districts, and one of them has a name that does not fit."""
    long = "A name that is by far too long for such a small district"
    names = ("Bury 001A", "Bury 001B", f"{long} 001A", f"{long} 001B")
    outlines = {f"E{i}": Outline(name, (shapely.box(i, 0, i + 1, 1),)) for i, name in enumerate(names)}
    page = browser.new_page(viewport={"width": 1300, "height": 900}, **kind)
    page.set_content(small_page(findings(area_rows("a", *((area, None, 5) for area in outlines))), outlines, []))
    labels = page.evaluate("JSON.parse(document.getElementById('areas').textContent).regions[0].districts.labels")
    drawn = {
        "border": page.evaluate(INK_AT, [16_000, 1_000, 3]),
        "no border": page.evaluate(INK_AT, [8_000, 1_000, 3]),
        "long name": page.evaluate(INK_AT, [*labels[:2], 6])[:1],
        "Bury": page.evaluate(INK_AT, [*labels[3:5], 6])[:1],
    }
    page.close()
    expected = {"border": [True, True], "no border": [False, False], "long name": [False], "Bury": [True]}
    assert drawn == expected


@pytest.mark.parametrize("how", ["print", "no script"])
def test_paper_and_pages_without_script_have_districts_and_a_table(browser: Browser, how: str) -> None:
    outlines = {f"E{i}": Outline(f"{name} 001A", (shapely.box(i, 0, i + 1, 1),)) for i, name in enumerate(("X", "Y"))}
    page = browser.new_page(java_script_enabled=how != "no script")
    if how == "print":
        page.emulate_media(media="print")
    page.set_content(small_page(findings(area_rows("a", *((area, 3, 4) for area in outlines))), outlines, []))
    boxes = [each.bounding_box() for each in page.locator(".plate").all()]
    for plate, box in zip(boxes, [each.bounding_box() for each in page.locator(".plate svg").all()], strict=True):
        assert plate == box
    assert len(boxes) == 2
    assert page.locator(".printed tbody tr").all_inner_texts() == ["X 001A\tE0\t3 → 4", "Y 001A\tE1\t3 → 4"]
    page.close()


def test_printed_page_is_as_wide_as_the_paper(opened: Page) -> None:
    opened.emulate_media(media="print")
    opened.set_viewport_size({"width": 690, "height": 1000})
    assert opened.evaluate("document.documentElement.scrollWidth") == 690
    left, right = (each.bounding_box() for each in opened.locator(".panel .plates").first.locator("img").all())
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]


def test_maps_table_and_link_follow_the_chosen_method(
    opened: Page, browser: Browser, finished_run: FinishedRun
) -> None:
    opened.get_by_label("Predicted by").select_option("decile_median")
    areas = finished_run.area_predictions
    medians = areas[(areas["outcome"] == "imd_income") & (areas["method"] == "decile_median")]
    decile_of = medians.set_index("area_id")["decile"].reindex(sorted(set(finished_run.labels["area_id"])))
    classes = [round(decile) for decile in decile_of.fillna(0).tolist()]  # halves to the even one
    assert any(decile % 1 for decile in medians["decile"])
    assert deciles_on(opened, "predicted") == classes
    assert opened.locator(".map.predicted figcaption span").inner_text() == "median of the predicted deciles"
    opened.get_by_text("Table of areas").click()
    assert {row[1]: row[4] for row in rows_of_table(opened)} == {
        area: "no photographs" if area in NOT_PREDICTED else f"{decile:g}" for area, decile in decile_of.items()
    }
    again = browser.new_page(viewport={"width": 1300, "height": 900})
    again.goto(opened.url)
    assert deciles_on(again, "predicted") == classes
    again.get_by_role("radio", name="Uncertainty").check()
    assert again.get_by_label("Predicted by").input_value() == ""
    again.close()


def test_maps_zoom_by_two_fingers(browser: Browser, html: str, finished_run: FinishedRun) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto((Path(finished_run.config.work_dir) / "report.html").as_uri())
    marks = page.locator("canvas.marks").first
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    client = context.new_cdp_session(page)
    for kind, apart in (("touchStart", 30), ("touchMove", 90)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_url(lambda url: "zoom=" in url)
    assert 2.9 < float(page.url.partition("zoom=")[2].partition("%2C")[0]) < 3.1
    context.close()


def test_tables_are_saved_as_they_are_shown(opened: Page, tmp_path: Path) -> None:
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Save table: Table of results by outcome").click()
    assert download.value.suggested_filename == "results.csv"
    download.value.save_as(tmp_path / "results.csv")
    saved = pd.read_csv(tmp_path / "results.csv")
    headline = opened.locator(".glance tbody tr").first.locator(".number b").all_inner_texts()
    assert saved.columns.tolist()[:2] == ["Outcome", "Rank correlation (Spearman)"]
    assert [cell.split()[0] for cell in saved.iloc[0, 1:3]] == headline[:2]
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Save table: Measures of Income deprivation in Bury").click()
    assert download.value.suggested_filename == "measures_bury_imd_income.csv"
