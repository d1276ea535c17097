"""Screenshots of a report for the docs.

`python -m tests.browser.report_shots reports/HOST/report.html docs`; `--whole` shows all of it.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import BROWSERS

SHOTS = {
    "report-phone": (360, "dark"),
    "report-tablet": (820, "light"),
    "report-wide": (1600, "light"),
}
HEIGHT_PX = 1100


def main(report: Path, folder: Path, *, whole: bool = False) -> None:
    """Take one picture for each width; `whole` shows the page to its end."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        # Chromium's sandbox needs a user that is not root.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (width, scheme) in SHOTS.items():
            viewport = {"width": width, "height": HEIGHT_PX}
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            page.goto(report.resolve().as_uri())
            page.screenshot(path=folder / f"{name}.png", full_page=whole)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), whole="--whole" in sys.argv)
