"""Draw the pictures of README.md and docs/report.md from the demo's report: `make screenshots`, after `make demo`."""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

REPORT = Path("output/demo/report.html")
RESULTS = Path("docs/report.png")
OVERVIEW = Path("docs/overview.png")
WIDTH, HEIGHT = 1180, 1060
OVERVIEW_WIDTH = 1640
SETTLED_MS = 300
"""Longer than the maps take to settle."""

OVERVIEW_PAGE = """
<style>
  body {{ margin: 0; padding: 20px; font: 17px system-ui, sans-serif; color: #1c1f23; background: #fff }}
  main {{ display: flex; align-items: center; gap: 14px }}
  div {{ text-align: center }}
  p {{ margin: 10px 0 0 }}
  img {{ display: block; margin: 0 auto }}
  .photographs img {{ width: 165px; margin-bottom: 8px }}
  .maps img, .scatter img {{ height: 480px }}
  b {{ font-size: 34px; font-weight: 400; color: #6b7280 }}
</style>
<main>
  <div class="photographs">{photographs}<p>photographs</p></div>
  <b>→</b>
  <div class="maps"><img src="{maps}"><p>actual deciles of areas, and those predicted without having seen them</p></div>
  <b>→</b>
  <div class="scatter"><img src="{scatter}"><p>how far to trust it</p></div>
</main>
"""


def main() -> int:
    from playwright.sync_api import sync_playwright

    if not REPORT.exists():
        print(f"error: {REPORT} is not there; run `make demo` first", file=sys.stderr)
        return 2
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        print("error: Chromium is not installed; install the package chromium", file=sys.stderr)
        return 2
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
        page.goto(REPORT.resolve().as_uri())
        page.locator("#results").evaluate("heading => heading.scrollIntoView()")
        page.wait_for_timeout(SETTLED_MS)
        page.screenshot(path=RESULTS)
        _overview(page)
        browser.close()
    print(RESULTS, OVERVIEW)
    return 0


def _overview(page: Page) -> None:
    """From photographs by the pair of maps to the scatter, in one row."""
    photographs = page.locator(".gallery figure:not([hidden]) img")
    pictures = "".join(f'<img src="{_picture(photographs.nth(i))}">' for i in range(3))
    maps = _picture(page.locator(".maps").first)
    scatter = _picture(page.locator("figure.chart").first)
    page.set_viewport_size({"width": OVERVIEW_WIDTH, "height": 100})
    page.set_content(OVERVIEW_PAGE.format(photographs=pictures, maps=maps, scatter=scatter))
    page.screenshot(path=OVERVIEW, full_page=True)


def _picture(element: Locator) -> str:
    """What the element looks like, as the address of a picture."""
    element.scroll_into_view_if_needed()
    element.page.wait_for_timeout(SETTLED_MS)
    return "data:image/png;base64," + base64.b64encode(element.screenshot()).decode()


if __name__ == "__main__":
    sys.exit(main())
