"""A moderator's work in a browser, from the queue to the end, with screenshots of every page."""

import datetime as dt
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from audits.models import AuditEvent, AuditPersonal
from players import daily_figures
from players.discipline import notes, sanctions
from players.models import Approval, DailyFigure, Decision, Player, Sanction
from players.moderation.actors import Staff, at_the_shell
from players.moderation.command import Command
from players.points import adjustments
from players.ranks import decisions
from tests.browser.help import axe, each_look, fits, shoot
from tests.console.people import local_owner

OTHER = Staff(at_the_shell().actor, rank=None)


def looked_at(page: Page, name: str) -> None:
    """Check the page in every theme and width, and take screenshots."""
    for _ in each_look(page):
        axe(page)
        fits(page)
    shoot(page, name)
    page.set_viewport_size({"width": 1280, "height": 860})


@pytest.fixture
def busy(community: list[Player]) -> Player:
    """Create a player with a history, among others with waiting work."""
    one, now = community[4], timezone.now()
    told = {"by": at_the_shell(), "now": now}
    for reason in ("Spammed the chat: three times", "Insulted other players"):
        sanctions.warn(
            one.user_id, Command(reason=reason, **told), evidence=["https://example.com/clip"]
        )
    adjustments.adjust(one.user_id, 2500, Command(reason="Prize of an event", **told))
    notes.write(one.user_id, "Asked twice for a rank.\nPolite when told no.", Command(**told))
    decisions.propose(
        one.user_id,
        "Tempest Major",
        Command(by=OTHER, reason="Led four trainings in a row.", now=now),
    )
    sanctions.ban(
        community[7].user_id,
        Command(by=OTHER, reason="Exploiting: seen by three officers", now=now),
    )
    for back in range(daily_figures.DAYS):
        day = now.date() - dt.timedelta(days=back)
        for label, value in (("nexus", 4200 - 170 * back), ("training_site", 900 + 60 * back)):
            DailyFigure.objects.create(day=day, what="points", label=label, value=value)
            DailyFigure.objects.create(day=day, what="players", label=label, value=value // 20)
        DailyFigure.objects.create(day=day, what="promotions", value=12 - back % 5)
        DailyFigure.objects.create(day=day, what="warnings", value=back % 4)
    return one


# Real presses of keys and of the mouse, over the pages of a tab. Typed text is not counted.
COUNT = """
    const count = (kind) => sessionStorage.setItem(kind, 1 + Number(sessionStorage.getItem(kind) || 0));
    addEventListener("keydown", (event) => event.isTrusted && event.key !== "Control" && count("keys"), true);
    addEventListener("click", (event) => event.isTrusted && event.detail > 0 && count("clicks"), true);
"""
SPENT = """() => {
    const found = ["keys", "clicks"].map((kind) => Number(sessionStorage.getItem(kind) || 0));
    sessionStorage.removeItem("keys");
    sessionStorage.removeItem("clicks");
    return found;
}"""


def spent(page: Page, told: str) -> tuple[int, int]:
    """Wait until the page tells this, and return the keys and clicks since the last call."""
    expect(page.locator("#c-toasts")).to_contain_text(told)
    page.evaluate("document.querySelectorAll('#c-toasts li').forEach((one) => one.remove())")
    keys, clicks = page.evaluate(SPENT)
    return keys, clicks


def press(page: Page, *keys: str) -> None:
    """Press keys, and wait before those for a dialog until it is open."""
    for key in keys:
        if key in {"Enter", "1"}:
            expect(page.get_by_role("dialog").locator("form").first).to_be_visible()
        page.keyboard.press(key)


def test_the_queue_is_decided_by_three_keys_or_two_clicks(browser_page: Page, busy: Player) -> None:
    page, dialog = browser_page, browser_page.get_by_role("dialog")
    page.add_init_script(COUNT)
    page.goto("/admin/?kind=decisions")
    looked_at(page, "queue-ranks")
    page.evaluate(SPENT)
    press(page, "j", "a", "Enter")
    assert spent(page, "is given") == (3, 0)
    expect(dialog).to_contain_text("Led four trainings")  # the next one is open
    looked_at(page, "decision-dialog")
    press(page, "Escape")
    press(page, "r", "1", "Enter")
    assert spent(page, "Rejected") == (4, 0)  # with Escape
    assert list(Decision.objects.order_by("pk").values_list("status", flat=True)) == [
        "applied",
        "rejected",
    ]
    assert AuditPersonal.objects.filter(field="reason", value="Not ready yet").count() == 1
    page.goto("/admin/?kind=requests")
    press(page, "c")
    expect(page.get_by_role("button", name=re.compile("^Release"))).to_be_visible()
    page.evaluate(SPENT)
    page.get_by_role("link", name=re.compile("^Approve")).click()
    dialog.get_by_role("button", name="Approve").click()
    assert spent(page, "Approved and carried out") == (0, 2)


def test_a_case_file_acts_by_three_keys_or_two_clicks(browser_page: Page, busy: Player) -> None:
    page, dialog = browser_page, browser_page.get_by_role("dialog")
    page.add_init_script(COUNT)
    page.goto(f"/admin/players/{busy.user_id}/")
    page.evaluate(SPENT)
    press(page, "w", "1", "Enter")
    expect(page.get_by_role("status")).to_contain_text("is warned")
    press(page, "u", "Enter")
    assert spent(page, "taken back") == (5, 0)  # three to warn, two to undo
    page.keyboard.press("n")
    expect(dialog.get_by_label("Note")).to_be_focused()
    page.keyboard.insert_text("Was polite.")
    page.keyboard.press("Control+Enter")
    assert spent(page, "note") == (2, 0)
    page.get_by_role("link", name="Warn", exact=True).click()
    expect(dialog.get_by_role("radio", name="Insulted other players")).to_be_checked()  # the last
    dialog.get_by_role("button", name=re.compile("^Send.*Spammed the chat")).click()
    assert spent(page, "is warned") == (0, 2)
    reasons = Sanction.objects.filter(player=busy).order_by("pk").values_list("reason", flat=True)
    assert list(reasons)[-2:] == ["Insulted other players", "Spammed the chat"]


def test_home_shows_everything_that_waits(browser_page: Page, busy: Player) -> None:
    browser_page.goto("/admin/")
    expect(browser_page.locator("#queue")).to_contain_text("for good")
    expect(browser_page.get_by_role("img", name=re.compile("Points a day"))).to_be_visible()
    looked_at(browser_page, "home")


def test_a_warning_is_given_and_undone_from_the_toast(browser_page: Page, busy: Player) -> None:
    browser_page.goto(f"/admin/players/{busy.user_id}/")
    looked_at(browser_page, "case-file")
    browser_page.get_by_role("link", name="Warn", exact=True).click()
    dialog = browser_page.get_by_role("dialog")
    expect(dialog).to_contain_text("This is warning 3")
    looked_at(browser_page, "act-dialog")
    dialog.get_by_role("radio", name="Insulted other players").check()
    dialog.get_by_role("button", name="Warn").click()
    expect(browser_page.get_by_role("status")).to_contain_text("is warned (3 active)")
    browser_page.get_by_role("status").get_by_role("link", name="Undo").click()
    expect(dialog).to_contain_text("Pardons the warning")
    looked_at(browser_page, "revert")
    dialog.get_by_role("button", name="Undo").click()
    expect(browser_page.get_by_role("status")).to_contain_text("taken back")
    assert Sanction.objects.filter(player=busy, kind="warning", lifted_at=None).count() == 2
    assert AuditEvent.objects.filter(action="player.pardoned").exists()


def test_a_ban_is_asked_for_by_one_and_shown_as_such(browser_page: Page, busy: Player) -> None:
    local_owner("olga")
    browser_page.goto(f"/admin/acts/ban/{busy.user_id}/")
    expect(browser_page.locator("#content")).to_contain_text("a second person approves it first")
    looked_at(browser_page, "act-ban")
    browser_page.get_by_text("Exploiting", exact=True).click()
    browser_page.get_by_role("button", name="Ask for approval").click()
    expect(browser_page.locator("#content")).to_contain_text("Waits for a second person")
    assert not Player.objects.get(pk=busy.pk).banned
    assert Approval.objects.filter(player=busy, act="ban", status="waiting").exists()


def test_a_request_of_somebody_else_is_approved(
    browser_page: Page, busy: Player, community: list[Player]
) -> None:
    pk = Approval.objects.get(act="ban").pk
    browser_page.goto(f"/admin/approvals/{pk}/")
    looked_at(browser_page, "approval")
    browser_page.get_by_role("button", name="Approve").click()
    expect(browser_page.locator("#content")).to_contain_text("Approved")
    assert Player.objects.get(pk=community[7].pk).banned


def test_the_pages_with_an_id_are_for_everybody(browser_page: Page, busy: Player) -> None:
    decision = Decision.objects.get(player=busy)
    for name, address in (
        ("explain", f"/admin/players/{busy.user_id}/explain/"),
        ("decision", f"/admin/decisions/{decision.pk}/"),
        ("act-adjust", f"/admin/acts/adjust/{busy.user_id}/"),
        ("act-suspend", f"/admin/acts/suspend/{busy.user_id}/"),
        ("act-rank", f"/admin/acts/rank/{busy.user_id}/"),
        ("act-note", f"/admin/acts/note/{busy.user_id}/"),
    ):
        assert browser_page.goto(address).status == 200, address  # type: ignore[union-attr]
        looked_at(browser_page, name)
