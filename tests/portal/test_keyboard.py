"""The keyboard alone suffices, and the browser's own buttons work as people expect."""

from playwright.sync_api import Browser, expect

from tests.portal.browsing import visits
from tests.portal.conftest import Portal


def test_the_first_stop_skips_to_the_content(browser: Browser, portal: Portal) -> None:
    with visits(browser, portal) as visit:
        visit.go("/leaderboard")
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "content"


def test_a_player_is_found_with_the_keyboard(browser: Browser, portal: Portal) -> None:
    with visits(browser, portal) as visit:
        visit.go("/")
        visit.page.get_by_label("Player name or Roblox id").first.focus()
        visit.page.keyboard.type("Storm_1", delay=20)
        option = visit.page.get_by_role("option").first
        expect(option).to_be_visible()
        visit.page.keyboard.press("ArrowDown")
        expect(option).to_have_attribute("aria-selected", "true")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**/players/*")
        visit.check("search")


def test_the_search_works_without_script(browser: Browser, portal: Portal) -> None:
    with visits(browser, portal, script=False) as visit:
        visit.go("/")
        box = visit.page.get_by_label("Player name or Roblox id").first
        box.fill("Storm_1")
        box.press("Enter")
        visit.page.wait_for_url("**/search?q=Storm_1")
        expect(visit.page.get_by_role("main")).to_contain_text("Storm_1")


def test_every_stop_shows_where_the_focus_is(browser: Browser, portal: Portal) -> None:
    with visits(browser, portal) as visit:
        visit.go("/")
        hidden = []
        for _ in range(25):
            visit.page.keyboard.press("Tab")
            shown = visit.page.evaluate(
                """() => {
                  const around = [document.activeElement, document.activeElement.parentElement];
                  return around.map((one) => getComputedStyle(one)).some((style) =>
                    style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
                }"""
            )
            if not shown:
                hidden.append(visit.page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
        assert not hidden


def test_back_returns_to_the_same_place(browser: Browser, portal: Portal) -> None:
    with visits(browser, portal) as visit:
        visit.go("/leaderboard?by=kos")
        link = visit.page.locator("main a[href*='/players/']").nth(15)
        link.scroll_into_view_if_needed()
        place = visit.page.evaluate("scrollY")
        link.click()
        visit.page.wait_for_url("**/players/*")
        visit.page.go_back()
        visit.page.wait_for_url("**/leaderboard?by=kos")
        visit.page.wait_for_function("place => Math.abs(scrollY - place) < 50", arg=place)


def test_the_theme_stays(browser: Browser, portal: Portal) -> None:
    with visits(browser, portal) as visit:
        visit.go("/")
        before = visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        visit.page.get_by_role("button", name="Theme").press("Enter")
        visit.page.get_by_role("button", name="Dark").press("Enter")
        visit.page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        visit.go("/ranks")
        assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert (
            visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
            != before
        )
