"""The page of members is accessible, within the content security policy, and fits a phone."""

import datetime as dt

from django.http import HttpResponse
from django.utils import timezone
from playwright.sync_api import Page

from console.members import sessions
from players.models import Leave, Player
from tests.browser.help import axe, each_look, fits, shoot


def test_the_page_of_a_member(browser_page: Page, community: list[Player]) -> None:
    browser_page.goto("/me")
    for _ in each_look(browser_page):
        axe(browser_page)
        fits(browser_page)
    member, today = community[0], timezone.now().date()
    Leave.objects.create(
        player=member,
        status="approved",
        source="page",
        first_day=today,
        last_day=today + dt.timedelta(days=6),
        reason="exams",
        answer="enjoy it",
    )
    answer = HttpResponse()
    sessions.begin(answer, member)
    key = answer.cookies[sessions.COOKIE].value
    url = browser_page.url
    browser_page.context.add_cookies([{"name": sessions.COOKIE, "value": key, "url": url}])
    browser_page.goto("/me")
    browser_page.get_by_text("Ask for more days from").click()
    for _ in each_look(browser_page):
        axe(browser_page)
        fits(browser_page)
    shoot(browser_page, "me")
