"""Draw the README's picture of the report: `make screenshots`, after `make demo`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

REPORT = Path("output/demo/report.html")
PICTURE = Path("docs/report.png")
WIDTH, HEIGHT = 1180, 1060


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
        page.wait_for_timeout(300)  # longer than the maps take to settle
        page.screenshot(path=PICTURE)
        browser.close()
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
