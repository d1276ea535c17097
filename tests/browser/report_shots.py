"""Screenshots of a report for the docs.

`python -m tests.browser.report_shots reports/HOST docs`; `--whole` shows all of its page.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from stack.report.model import Report
from stack.report.page import page as render
from tests.browser.conftest import BROWSERS
from tests.browser.test_report import on_14_cpus
from tests.stories.project import ROOT

SHOTS = {
    "report-phone": (360, "dark"),
    "report-tablet": (820, "light"),
    "report-wide": (1600, "light"),
}
SECTION_PX = 1100
HEIGHT_PX = 1100


def main(reported: Path, folder: Path, *, whole: bool = False) -> None:
    """Take one picture for each width, and one of the sections that have pictures themselves.

    + reported: the folder of a host's report
    + whole: show the page to its end
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright, TemporaryDirectory() as made:
        # Chromium's sandbox needs a user that is not root.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        report = reported / "report.html"
        for name, (width, scheme) in SHOTS.items():
            viewport = {"width": width, "height": HEIGHT_PX}
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            page.goto(report.resolve().as_uri())
            page.screenshot(path=folder / f"{name}.png", full_page=whole)
        section(browser, report, "start", folder)
        # The lab's daemons have as many CPUs as its machine: the maps of an M4 Max are computed.
        fourteen = Path(made) / "fourteen.html"
        recorded = Report.model_validate_json((reported / "report.json").read_text())
        fourteen.write_text(render(on_14_cpus(recorded), ROOT))
        section(browser, fourteen, "cores", folder)
        browser.close()


def section(browser: Browser, file: Path, name: str, folder: Path) -> None:
    """Take a picture of one section of a report."""
    page = browser.new_page(viewport={"width": SECTION_PX, "height": HEIGHT_PX})
    page.goto(file.resolve().as_uri())
    page.locator(f"section[aria-labelledby={name}]").screenshot(path=folder / f"report-{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), whole="--whole" in sys.argv)
