"""What every page owes its readers: access, a keyboard, a quick first load, a strict policy."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.stories.mac import Mac

pytestmark = pytest.mark.lab
PATHS = ("/", "/markets", "/backtests", "/frontier", "/risk")
# As narrow as WCAG 1.4.10 asks: most tables are wider than this.
PHONE = {"width": 320, "height": 640}
LAPTOP = {"width": 1280, "height": 800}
BUDGET_BYTES = 300_000
SERIOUS = {"serious", "critical"}


def settle(page: Page) -> None:
    """Wait until nothing is being asked for any more."""
    expect(page.locator("main .panel, main .notice").first).to_be_visible()
    expect(page.locator("main .loading")).to_have_count(0)


def assert_nothing_serious(page: Page, axe: str) -> None:
    # By the debugger's protocol: the page's own policy lets no foreign script in.
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    serious = [each for each in found["violations"] if each["impact"] in SERIOUS]
    assert serious == [], json.dumps(serious, indent=2)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_axe_finds_nothing_serious(
    new_page: NewPage, axe: str, path: str, theme: str, size: dict[str, int]
):
    page = new_page(path, color_scheme=theme, viewport=size)
    settle(page)
    assert_nothing_serious(page, axe)
    # Nothing is wider than the screen: what is scrolls in its own frame.
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_came_out(new_page: NewPage, axe: str, theme: str):
    page = new_page("/backtests", color_scheme=theme, viewport=LAPTOP)
    page.get_by_role("button", name="Run the back-test").click()
    expect(page.get_by_role("img", name=re.compile("^Equity: "))).to_be_visible()
    assert_nothing_serious(page, axe)
    page.goto("/risk")
    losses = page.get_by_role("region", name="Value at risk")
    losses.get_by_role("button", name="1s", exact=True).click()
    expect(losses.get_by_role("rowheader")).to_have_count(3)
    assert_nothing_serious(page, axe)


def test_axe_finds_nothing_serious_in_trouble(new_page: NewPage, axe: str, mac1: Mac):
    pages = [
        new_page("/", complains=True, color_scheme=theme, viewport=PHONE)
        for theme in ("light", "dark")
    ]
    mac1.docker("pause", "nautilus-features-engine")
    try:
        for page in pages:
            expect(page.get_by_text("unreachable", exact=True)).to_be_visible()
    finally:
        mac1.docker("unpause", "nautilus-features-engine")
    for page in pages:
        # Old data stays, beside what is wrong now.
        page.route("**/api/services", lambda asked: asked.abort())
        expect(page.get_by_role("alert")).to_be_visible()
        assert_nothing_serious(page, axe)


@pytest.mark.parametrize("path", PATHS)
def test_a_first_load_is_small(new_page: NewPage, path: str):
    page = new_page("about:blank")
    transferred: dict[str, float] = {}
    protocol = page.context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.on(
        "Network.loadingFinished",
        lambda event: transferred.update({event["requestId"]: event["encodedDataLength"]}),
    )
    encodings: dict[str, str | None] = {}
    page.on(
        "response",
        lambda answer: encodings.update({answer.url: answer.headers.get("content-encoding")}),
    )
    page.goto(path)
    settle(page)
    scripts = {url: how for url, how in encodings.items() if url.endswith((".js", ".css"))}
    assert set(scripts.values()) == {"gzip"}, scripts
    assert 50_000 < sum(transferred.values()) < BUDGET_BYTES


def test_the_keyboard_reaches_everything(new_page: NewPage):
    page = new_page("/", viewport=LAPTOP)
    settle(page)
    focused = page.locator(":focus")
    page.keyboard.press("Tab")
    expect(focused).to_have_text("Skip to the content")
    expect(focused).to_be_in_viewport()
    names = []
    for _ in range(7):
        page.keyboard.press("Tab")
        names.append(focused.inner_text())
        outline = focused.evaluate("element => getComputedStyle(element).outlineStyle")
        assert outline == "solid", names[-1]
    assert names == [
        *("Nautilus", "Services", "Markets", "Back-tests", "Frontier", "Risk"),
        "system",
    ]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="dark")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_a_page_is_used_without_a_mouse(new_page: NewPage):
    page = new_page("/", viewport=LAPTOP)
    page.get_by_role("link", name="Back-tests").focus()
    page.keyboard.press("Enter")
    # The focus follows to the new page.
    expect(page.locator(":focus")).to_have_text("Back-tests")
    settle(page)
    rule = page.get_by_role("combobox", name="Rule")
    rule.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(rule).to_contain_text("Relative strength")
    oversold = page.get_by_role("textbox", name="Oversold at")
    oversold.focus()
    page.keyboard.press("ArrowUp")
    expect(oversold).to_have_value("31")


def test_the_page_lets_no_foreign_script_in(new_page: NewPage):
    page = new_page("/", complains=True)
    settle(page)
    policy = page.request.get("/").headers["content-security-policy"]
    assert re.search(r"script-src 'self'(;|$)", policy)
    refused = page.evaluate(
        """() => new Promise((tell) => {
            const event = "securitypolicyviolation";
            document.addEventListener(event, (it) => tell(it.violatedDirective));
            const script = document.createElement("script");
            script.textContent = "window.foreign = true";
            document.body.append(script);
            setTimeout(() => tell("nothing"), 2000);
        })"""
    )
    assert refused.startswith("script-src")
    assert page.evaluate("window.foreign") is None
