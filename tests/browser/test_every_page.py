"""Every page of the console is accessible, within the content security policy, and fits a phone."""

import re
from itertools import batched

import pytest
from playwright.sync_api import BrowserContext, Page

from players.models import Player
from tests.browser import places
from tests.browser.help import axe, each_look, fits, legible, shoot

TOGETHER = 8  # pages in one test: each test needs a new database and server state


def name_of(address: str) -> str:
    return re.sub(r"\W+", "-", address).strip("-") or "home"


@pytest.mark.parametrize(
    "addresses", list(batched(places.without_arguments(), TOGETHER)), ids=lambda some: some[0]
)
def test_pages_are_for_everybody(
    browser_page: Page, community: list[Player], addresses: tuple[str, ...]
) -> None:
    for address in addresses:
        answer = browser_page.request.get(address)
        if answer.status == 405:
            continue  # it accepts only POST
        assert answer.ok, f"{address}: {answer.status}"
        browser_page.goto(address)
        try:
            for _ in each_look(browser_page):
                axe(browser_page)
                legible(browser_page)
                fits(browser_page)
        except AssertionError as error:
            raise AssertionError(f"{address}: {error}") from None
        shoot(browser_page, name_of(address))


def test_a_page_that_is_not_for_everybody_is_told(context: BrowserContext) -> None:
    page = context.new_page()
    page.set_content(
        '<html lang="en"><title>A picture</title><main><h1>Look</h1><img src="data:,"></main></html>'
    )
    with pytest.raises(AssertionError, match="image-alt"):
        axe(page)
    page.set_content(
        "<details><summary>Me</summary><a href='#' style='color: white'>My sessions</a></details>"
    )
    with pytest.raises(AssertionError, match=r"1\.00: .*My sessions"):
        legible(page)
