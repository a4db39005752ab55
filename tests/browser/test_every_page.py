"""Each page of the console, as it is found by its address: for everybody to read, within the policy, on a phone."""

import re

import pytest
from playwright.sync_api import Page

from players.models import Player
from tests.browser import places
from tests.browser.help import axe, each_look, fits, shoot


def name_of(address: str) -> str:
    return re.sub(r"\W+", "-", address).strip("-") or "home"


@pytest.mark.parametrize("address", places.without_arguments())
def test_a_page_is_for_everybody(browser_page: Page, community: list[Player], address: str) -> None:
    answer = browser_page.request.get(address)
    if answer.status == 405:
        pytest.skip("it only takes a POST")
    assert answer.ok, answer.status
    browser_page.goto(address)
    for _ in each_look(browser_page):
        axe(browser_page)
        fits(browser_page)
    shoot(browser_page, name_of(address))
