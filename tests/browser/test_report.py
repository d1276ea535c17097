"""The report in a browser: of recorded data, and of a real deployment."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from stack.__main__ import load_groups
from stack.chips import parse_sysctl
from stack.daemon import daemon_of
from stack.planner.map import plan
from stack.report.maps import shown_maps
from stack.report.model import Report
from stack.report.page import page as render
from tests.reported import demo_report
from tests.stories.project import ROOT, Run

WIDTHS = (360, 820, 1600)
SCHEMES = ("light", "dark")
PAPER_PX = 703
"""A4 between the margins that browsers print with: 210 mm less 24."""
RECORDED = Path(__file__).with_name("recorded-report.json")


def on_14_cpus(report: Report) -> Report:
    """The same run, with the maps of an M4 Max whose VM has all of its cores."""
    chip = parse_sysctl((ROOT / "lab/macs/m4max.txt").read_text())
    daemon = daemon_of(json.loads((ROOT / "lab/macs/docker-info-m4max.json").read_text()))
    inputs = load_groups(ROOT / "group_data", chip.tag)
    planned = plan(inputs, chip, daemon)
    by_hand, beside = shown_maps(planned.services, inputs, chip, daemon)
    computed = {"title": "Written by hand", "source": "group_data/m4max.py; computed, not run"}
    return report.model_copy(
        update={
            "maps": (by_hand.model_copy(update=computed), beside),
            "findings": planned.findings,
        }
    )


def reports() -> dict[str, Report]:
    """Reports of many shapes."""
    recorded = Report.model_validate_json(RECORDED.read_text())
    failed = {"failed": "the operation 'Build images' failed", "problems": ("risk: " + "x" * 300,)}
    return {
        "recorded": recorded,
        "fourteen": on_14_cpus(recorded),
        "failed": demo_report(timeline=None, unmeasured={"start": "a", "builds": "b"}, **failed),
    }


def look(browser: Browser, file: Path, width: int, scheme: str) -> tuple[Page, list[str]]:
    """Open a report, and keep what it asks for beside itself, and what its console says."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    trouble: list[str] = []
    own = file.resolve().as_uri()
    page.on("request", lambda it: None if it.url == own else trouble.append(it.url))
    page.on("console", lambda it: trouble.append(it.text))
    page.on("pageerror", lambda it: trouble.append(str(it)))
    page.goto(own)
    return page, trouble


def judge(page: Page, axe: str, width: int) -> None:
    """Nothing against access, and nothing wider than the screen."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run()")
    assert len(found["passes"]) > 20
    assert found["violations"] == [], json.dumps(found["violations"], indent=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["recorded", "fourteen", "failed"])
def test_a_report_is_for_everybody(browser: Browser, axe: str, tmp_path: Path, name: str):
    file = tmp_path / "report.html"
    file.write_text(render(reports()[name], ROOT))
    for scheme in SCHEMES:
        for width in WIDTHS:
            page, trouble = look(browser, file, width, scheme)
            judge(page, axe, width)
            assert trouble == []
            page.close()


def test_schemes_differ_and_paper_is_white(browser: Browser, tmp_path: Path):
    file = tmp_path / "report.html"
    file.write_text(render(demo_report(), ROOT))
    paper = "getComputedStyle(document.body).backgroundColor"
    page, _ = look(browser, file, 820, "dark")
    dark = page.evaluate(paper)
    page.emulate_media(media="print")
    assert page.evaluate(paper) == "rgb(255, 255, 255)" != dark
    assert len(page.pdf()) > 10_000
    page.close()


def test_the_keyboard_leads_past_the_list_of_contents(browser: Browser, tmp_path: Path):
    file = tmp_path / "report.html"
    file.write_text(render(demo_report(), ROOT))
    page, _ = look(browser, file, 820, "light")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    # What may scroll is reached, too.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "frame"
    page.close()


def test_on_paper_nothing_is_cut_off(browser: Browser, tmp_path: Path):
    file = tmp_path / "report.html"
    file.write_text(render(reports()["fourteen"], ROOT))
    page, _ = look(browser, file, PAPER_PX, "light")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER_PX
    cut = """[...document.querySelectorAll('.frame')].filter(
        it => getComputedStyle(it).overflowX != 'visible' || it.scrollWidth > it.clientWidth
    ).map(it => it.getAttribute('aria-label'))"""
    assert page.evaluate(cut) == []
    page.close()


@pytest.mark.lab
def test_the_report_of_a_deployment_is_for_everybody(
    browser: Browser, axe: str, nautilus_on_mac1: Run, first_report: Path
):
    assert nautilus_on_mac1.status == 0
    page, trouble = look(browser, first_report / "report.html", 360, "dark")
    judge(page, axe, 360)
    assert trouble == []
    page.close()
