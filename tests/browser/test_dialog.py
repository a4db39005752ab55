"""Acts in the page's dialog: opened, refused and done without leaving the page."""

import re

from playwright.sync_api import Page, expect

from players.models import Player
from roblox.models import Experience
from tests.browser.help import axe, each_look, fits


def opened(page: Page) -> None:
    page.goto("/admin/experiences/")
    page.get_by_role("link", name=re.compile("Stop writing|Allow writing")).first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Switch writing to")


def test_escape_closes_it_and_gives_the_focus_back(
    browser_page: Page, community: list[Player]
) -> None:
    opened(browser_page)
    browser_page.keyboard.press("Escape")
    expect(browser_page.get_by_role("dialog")).to_have_count(0)
    expect(
        browser_page.get_by_role("link", name=re.compile("Stop writing|Allow writing")).first
    ).to_be_focused()


def test_it_is_for_everybody_in_every_look(browser_page: Page, community: list[Player]) -> None:
    opened(browser_page)
    for _ in each_look(browser_page):
        axe(browser_page)
        fits(browser_page)


def test_what_is_refused_stays_open_with_the_reason(
    browser_page: Page, community: list[Player]
) -> None:
    before = Experience.objects.order_by("key").values_list("writes", flat=True)[0]
    opened(browser_page)
    dialog = browser_page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("  ")
    dialog.get_by_role("button", name=re.compile("Switch")).click()
    expect(dialog).to_contain_text("required")
    assert Experience.objects.order_by("key").values_list("writes", flat=True)[0] == before


def test_what_is_done_is_told_on_the_page(browser_page: Page, community: list[Player]) -> None:
    opened(browser_page)
    dialog = browser_page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The season is over.")
    dialog.get_by_role("button", name=re.compile("Switch")).click()
    expect(browser_page.get_by_role("status")).to_contain_text(
        re.compile("Writing to .* is switched (on|off)")
    )
    expect(browser_page.get_by_role("dialog")).to_have_count(0)
    axe(browser_page)
    browser_page.get_by_role("button", name="Dismiss").click()
    expect(browser_page.get_by_role("status")).to_be_empty()


UNDRESSED = """async () => {
    const text = await (await fetch(document.querySelector("#c-dialog").dataset.address)).text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const links = [...page.querySelectorAll("link[rel=stylesheet]")];
    const needed = links.map((one) => new URL(one.getAttribute("href"), location.href).href);
    const here = [...document.styleSheets].filter((one) => one.cssRules.length).map((one) => one.href);
    return needed.filter((address) => !here.includes(address));
}"""


def test_a_dialog_has_the_styles_of_its_own_page(
    browser_page: Page, community: list[Player]
) -> None:
    for address in ("/admin/", "/admin/experiences/", f"/admin/players/{community[1].user_id}/"):
        browser_page.goto(address)
        shown = browser_page.locator("#content a[data-dialog]")
        for number in range(min(shown.count(), 3)):
            shown.nth(number).click()
            expect(browser_page.get_by_role("dialog")).to_be_visible()
            assert browser_page.evaluate(UNDRESSED) == [], address
            browser_page.keyboard.press("Escape")
