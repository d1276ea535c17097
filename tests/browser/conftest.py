import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from math import sin
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.opened import Opened, opened
from tests.stories.project import ROOT, Project, Run

AXE = ROOT / "nautilus/frontend/node_modules/axe-core/axe.min.js"
# Debian's; Playwright's own is not to be had on every network.
BROWSERS = ("chromium", "google-chrome", "chrome")
SYMBOLS = ["AAPL", "AMZN", "MSFT", "NVDA", "TSLA"]
SIMULATION = {"symbols": SYMBOLS, "seed": 84, "ticks_per_second": 50, "ticks": 1_000_000}
# Of the portfolio whose limits, and what it may lose, the page tells.
RETURNS = {
    symbol: [0.01 * sin((place + 1) * period) for period in range(30)]
    for place, symbol in enumerate(SYMBOLS)
}
DEADLINE_S = 60

expect.set_options(timeout=DEADLINE_S * 1000)

NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        if program is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium: apt-get install chromium, or playwright install chromium")
        # Chromium's sandbox needs a user that is not root.
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, as the page's own lock has it."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in nautilus/frontend")
    return AXE.read_text()


@pytest.fixture(scope="session")
def stack(nautilus: Project, nautilus_on_mac1: Run) -> Iterator[Opened]:
    """Nautilus on a lab's Mac, opened to this machine, with prices that move."""
    assert nautilus_on_mac1.status == 0
    with opened(nautilus, "mac1") as reached:
        market = reached.endpoints["marketdata"]
        started = httpx.post(f"{market}/feeds/simulator", json=SIMULATION)
        assert started.status_code in {202, 409}, started.text
        limits = {"portfolio": "browser", "max_order_notional": 1_000}
        httpx.post(f"{reached.endpoints['risk']}/risk/limits", json=limits).raise_for_status()
        optimize = f"{reached.endpoints['portfolio']}/portfolios/browser/optimize"
        httpx.post(optimize, json={"returns": RETURNS}, timeout=60).raise_for_status()
        yield reached


@pytest.fixture
def new_page(browser: Browser, stack: Opened) -> Iterator[NewPage]:
    """Open pages, each as a new visitor; what their consoles say against them fails the test.

    A page that `complains` has to: its test takes something from it.
    """
    complaints: list[str] = []
    with ExitStack() as contexts:

        def begin(path: str = "/", *, complains: bool = False, **options: object) -> Page:
            context: BrowserContext = browser.new_context(base_url=stack.page, **options)
            contexts.callback(context.close)
            context.set_default_timeout(DEADLINE_S * 1000)
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            if not complains:
                page.on(
                    "console",
                    lambda said: complaints.append(said.text) if said.type == "error" else None,
                )
            page.goto(path)
            return page

        yield begin
    assert complaints == []
