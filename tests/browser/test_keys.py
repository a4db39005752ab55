"""The console with the keyboard alone."""

from playwright.sync_api import Page, expect

from players.models import Player
from tests.browser.help import axe


def test_j_and_k_walk_the_rows_and_o_opens_one(browser_page: Page, community: list[Player]) -> None:
    browser_page.goto("/admin/players/")
    rows = browser_page.locator("[data-row]")
    browser_page.keyboard.press("j")
    browser_page.keyboard.press("j")
    expect(rows.nth(1)).to_contain_class("is-at")
    browser_page.keyboard.press("k")
    expect(rows.nth(0)).to_contain_class("is-at")
    expect(rows.nth(1)).not_to_contain_class("is-at")
    target = rows.nth(0).locator("[data-open]").get_attribute("href")
    browser_page.keyboard.press("o")
    browser_page.wait_for_url(f"**{target}")


def test_x_selects_the_row_at_hand(browser_page: Page, community: list[Player]) -> None:
    browser_page.goto("/admin/players/")
    browser_page.keyboard.press("j")
    box = browser_page.locator("[data-row]").first.locator("input[type=checkbox]")
    browser_page.keyboard.press("x")
    expect(box).to_be_checked()


def test_g_and_a_letter_go_to_a_page(browser_page: Page, community: list[Player]) -> None:
    browser_page.goto("/admin/")
    browser_page.keyboard.press("g")
    browser_page.keyboard.press("p")
    browser_page.wait_for_url("**/admin/players/")


def test_the_key_sheet_opens_and_returns_the_focus(
    browser_page: Page, community: list[Player]
) -> None:
    browser_page.goto("/admin/players/")
    browser_page.locator("[data-open]").first.focus()
    browser_page.keyboard.press("?")
    sheet = browser_page.get_by_role("dialog", name="Keys")
    expect(sheet).to_contain_text("next and previous row")
    axe(browser_page)
    browser_page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(browser_page.locator("[data-open]").first).to_be_focused()


def test_letters_are_letters_while_somebody_types(
    browser_page: Page, community: list[Player]
) -> None:
    browser_page.goto("/admin/players/")
    field = browser_page.get_by_label("Name begins with, or user id")
    field.press_sequentially("gp?j")
    expect(field).to_have_value("gp?j")
    expect(browser_page.get_by_role("dialog")).to_have_count(0)
    expect(browser_page.locator(".is-at")).to_have_count(0)


def test_the_palette_finds_a_player_and_opens_the_case(
    browser_page: Page, community: list[Player]
) -> None:
    browser_page.goto("/admin/players/")
    browser_page.keyboard.press("Control+k")
    search = browser_page.get_by_role("combobox", name="Search players, pages and acts")
    expect(search).to_be_focused()
    search.press_sequentially("storm_01")
    option = browser_page.get_by_role("option", name="Storm_01").last
    expect(option).to_be_visible()
    expect(browser_page.get_by_role("option", name="Storm_03")).to_have_count(
        0
    )  # the results for the shorter query are gone
    axe(browser_page)
    expect(search).to_have_attribute("aria-expanded", "true")
    target = browser_page.locator("#c-found [aria-selected=true]").get_attribute("href")
    search.press("Enter")
    browser_page.wait_for_url(f"**{target}")


def test_arrows_choose_in_the_palette_and_escape_folds_it(
    browser_page: Page, community: list[Player]
) -> None:
    browser_page.goto("/admin/players/")
    browser_page.keyboard.press("/")
    search = browser_page.get_by_role("combobox", name="Search players, pages and acts")
    expect(search).to_be_focused()
    browser_page.keyboard.insert_text(
        "storm"
    )  # typed at once: no results of a shorter query may replace the later ones
    expect(browser_page.locator("#c-found [role=option]").nth(2)).to_contain_text("Storm_")
    search.press("ArrowDown")
    expect(browser_page.locator("#c-found [role=option]").nth(1)).to_have_attribute(
        "aria-selected", "true"
    )
    chosen = browser_page.locator("#c-found [role=option]").nth(1).get_attribute("id")
    expect(search).to_have_attribute("aria-activedescendant", chosen or "")
    search.press("ArrowUp")
    expect(browser_page.locator("#c-found [role=option]").nth(0)).to_have_attribute(
        "aria-selected", "true"
    )
    search.press("Escape")
    expect(browser_page.locator("#c-found")).to_be_hidden()
    expect(search).to_have_attribute("aria-expanded", "false")


def test_the_frame_works_without_scripts(
    browser_page: Page, community: list[Player], context: object
) -> None:
    state = browser_page.context.storage_state()
    browser = browser_page.context.browser
    assert browser is not None
    plain = browser.new_context(
        java_script_enabled=False, storage_state=state, viewport={"width": 360, "height": 740}
    )
    page = plain.new_page()
    page.goto(browser_page.request.get("/admin/players/").url)
    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("link", name="Players", exact=True).click()
    page.get_by_label("Name begins with, or user id").fill("storm_0")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("[data-row]")).to_have_count(5)
    plain.close()
