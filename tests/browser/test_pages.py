"""Nautilus' pages in a browser, on a deployed stack, through its nginx."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPage
from tests.browser.opened import Opened
from tests.stories.mac import Mac

pytestmark = pytest.mark.lab
SERVICES = 16


def test_all_services_are_told_healthy(new_page: NewPage):
    page = new_page("/")
    expect(page.get_by_text(f"{SERVICES} of {SERVICES} services healthy")).to_be_visible()
    assert page.get_by_role("rowheader").count() == SERVICES
    expect(page).to_have_title("Services · Nautilus")


def test_prices_move_and_go_on_after_a_cut(new_page: NewPage, mac1: Mac):
    page = new_page("/markets", complains=True)
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    price = page.get_by_role("row").filter(has_text="NVDA").get_by_role("cell").first
    before = price.inner_text()
    expect(price).not_to_have_text(before)
    expect(page.get_by_role("img", name=re.compile("bars of"))).to_be_visible()

    mac1.docker("restart", "nautilus-nginx")
    expect(page.get_by_text("connecting …")).to_be_visible()
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    before = price.inner_text()
    expect(price).not_to_have_text(before)


def test_a_symbols_bars_are_drawn_and_told_as_a_table(new_page: NewPage):
    page = new_page("/markets")
    page.get_by_role("button", name="TSLA").click()
    page.get_by_role("button", name="1s", exact=True).click()
    chart = page.get_by_role("img", name=re.compile("bars of TSLA, 1s each"))
    expect(chart.locator("canvas")).to_be_visible()
    page.get_by_role("button", name="The last bars as a table").click()
    rows = page.get_by_role("region", name="Last bars").get_by_role("row")
    expect(rows.nth(1)).to_be_visible()


def test_a_back_test_runs_to_its_equity_curve(new_page: NewPage):
    page = new_page("/backtests")
    page.get_by_role("button", name="Run the back-test").click()
    chart = page.get_by_role("img", name=re.compile("^Equity: .*Buy and hold"))
    expect(chart).to_be_visible()
    expect(page.get_by_role("rowheader", name="Buy and hold", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Back-tests").get_by_text("done").first).to_be_visible()
    page.reload()
    page.get_by_role("button", name=re.compile("Show the test of")).first.click()
    expect(chart).to_be_visible()


def test_the_frontier_is_walked(new_page: NewPage):
    page = new_page("/frontier")
    page.get_by_role("button", name="1s", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("The frontier of 5"))).to_be_visible()
    place = page.get_by_role("slider", name="Place on the frontier")
    place.focus()
    calmest = place.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    expect(place).not_to_have_attribute("aria-valuetext", calmest or "")
    expect(page.locator(".weights").get_by_role("rowheader")).to_have_count(1)


def test_limits_and_what_may_be_lost_are_told(new_page: NewPage):
    page = new_page("/risk")
    limits = page.get_by_role("region", name="Limits").get_by_role("row")
    expect(limits.filter(has=page.get_by_role("rowheader", name="browser"))).to_be_visible()
    losses = page.get_by_role("region", name="Value at risk")
    losses.get_by_role("button", name="1s", exact=True).click()
    methods = losses.get_by_role("rowheader")
    expect(methods).to_have_text(["Historical", "Normal distribution", "Monte Carlo"])


def test_a_refused_order_appears_by_itself(new_page: NewPage, stack: Opened):
    page = new_page("/risk")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    order = {"symbol": "NVDA", "side": "buy", "quantity": 77, "price": 123.5}
    check = f"{stack.endpoints['risk']}/risk/check/browser"
    answer = httpx.post(check, json={"order": order}).raise_for_status()
    assert answer.json()["allowed"] is False
    expect(page.get_by_text("buy 77 NVDA at 123.50").first).to_be_visible()
    expect(page.get_by_text("order notional 9,509.5 is over 1,000").first).to_be_visible()


def test_a_backend_that_is_away_is_told_and_comes_back(new_page: NewPage, stack: Opened, mac1: Mac):
    page = new_page("/", complains=True)
    expect(page.get_by_text("services healthy")).to_be_visible()
    mac1.docker("stop", "nautilus-backend")
    try:
        told = httpx.get(f"{stack.page}/api/services")
        assert (told.status_code, told.headers["retry-after"]) == (502, "2")
        trouble = page.get_by_role("alert")
        expect(trouble).to_contain_text("the service does not answer")
        # What was known stays in sight.
        assert page.get_by_role("rowheader").count() == SERVICES
    finally:
        mac1.docker("start", "nautilus-backend")
    expect(trouble).to_have_count(0)
