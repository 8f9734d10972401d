"""The page in a real browser: nothing is fetched, nothing fails, and the maps have the colours of their deciles."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from report_run import NOT_PREDICTED, FinishedRun

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
    assert failures == []
    assert [url for url in asked if not url.startswith("data:")] == [address]


def deciles_on(page: Page, kind: str) -> list[int]:
    """The decile of each polygon of a map, by the colour that the browser gives it; 0 = grey."""
    fills = page.locator(f".map.{kind} .areas path").evaluate_all("paths => paths.map(p => getComputedStyle(p).fill)")
    return [FILLS.index(fill) for fill in fills]


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


def test_areas_are_drawn_where_they_can_be_seen(opened: Page) -> None:
    sizes = opened.locator(".map.true .areas path").evaluate_all(
        "paths => paths.map(p => { const b = p.getBoundingClientRect(); return Math.min(b.width, b.height); })"
    )
    assert min(sizes) > 3
    box = opened.locator(".map.true svg").bounding_box()
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


TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_pointing_at_an_area_tells_what_is_known_of_it(opened: Page, finished_run: FinishedRun) -> None:
    true, predicted = expected(finished_run, "imd_income")
    codes = sorted(set(finished_run.labels["area_id"]))
    for code, words in [("E01004990", "2 locations"), (NOT_PREDICTED[2], "0 locations")]:
        place = codes.index(code)
        path = opened.locator(".map.predicted .areas path").nth(place)
        path.scroll_into_view_if_needed()
        opened.evaluate(TWO_FRAMES)  # scrolling hides the tooltip, and its event may come late
        opened.mouse.move(*inside(path))
        tooltip = opened.locator("#tip").inner_text().split()
        name = opened.locator("#tip b").inner_text()
        assert name.startswith("Bury 0")
        assert code in tooltip
        numbers = [str(true[place]), str(predicted[place]) if predicted[place] else "–"]
        assert tooltip[tooltip.index("actual") + 1 :: 2][:2] == numbers
        assert " ".join(tooltip).endswith(words)
        outlines = opened.locator(".here").evaluate_all("paths => paths.map(p => p.getAttribute('d'))")
        assert outlines == [path.get_attribute("d")] * 2
    opened.mouse.move(2, 2)
    assert opened.locator("#tip").is_hidden()


def inside(path: Locator) -> tuple[float, float]:
    """A point of the window that lies in the polygon: areas are not convex, so a grid over its box is tried."""
    point: list[float] = path.evaluate("""path => {
        const box = path.getBoundingClientRect();
        for (let i = 1; i < 40; i++) for (let j = 1; j < 40; j++) {
            const x = box.left + box.width * i / 40, y = box.top + box.height * j / 40;
            if (document.elementFromPoint(x, y) === path) return [x, y];
        }
    }""")
    return point[0], point[1]


def test_areas_are_listed_by_how_far_off_they_are(opened: Page, finished_run: FinishedRun) -> None:
    opened.get_by_text("Table of areas").click()
    rows = [row.split("\t") for row in opened.locator(".areas-table tbody tr").all_inner_texts()]
    assert len(rows) == 120
    known = [(int(true), int(predicted)) for _, _, true, predicted, _ in rows if predicted != "–"]
    off = [abs(true - predicted) for true, predicted in known]
    assert off == sorted(off, reverse=True)
    true, predicted = expected(finished_run, "imd_income")
    assert sorted(known) == sorted((t, p) for t, p in zip(true, predicted, strict=True) if p)
    assert [row[1] for row in rows[-3:]] == list(NOT_PREDICTED)


@pytest.mark.parametrize("width", [360, 390, 768, 1300])
def test_page_is_as_wide_as_the_window(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 844})
    assert opened.evaluate("document.documentElement.scrollWidth") == width


def test_page_without_script_still_shows_maps_and_all_panels(
    browser: Browser, html: str, finished_run: FinishedRun
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto((Path(finished_run.config.work_dir) / "report.html").as_uri())
    assert page.locator(".map.predicted .areas path").count() == 120
    assert [panel.is_visible() for panel in page.locator(".panel").all()] == [True] * 3
    assert page.locator(".pickers").is_hidden()
    page.close()


def test_page_is_printed_on_a_few_sheets(opened: Page) -> None:
    content = opened.pdf(format="A4", print_background=True)
    assert 2 <= content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") <= 9
