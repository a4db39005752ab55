"""Members sign in with Roblox and see their own page. They never get into the console."""

import datetime as dt
import re
from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from common import database_clock
from console.members import sessions
from console.members.facts import own_facts
from console.models import StaffAccount
from discord import links
from players.models import Leave, Player
from players.moderation.command import Command
from players.privacy import erasure
from players.quotas import closing
from players.ranks import locks
from tests.console.accounts.conftest import WITH, Roblox
from tests.console.accounts.discord import LOGIN, Discord
from tests.console.conftest import Make
from tests.players.conftest import OWNER
from tests.shared_clock import clock_at

TODAY = timezone.now().date()


def enter(roblox: Roblox, user_id: int, client: Client | None = None) -> Client:
    """Sign in on the members' page."""
    client = client or Client()
    address = roblox.asked(client, f"{WITH}?process=login&next=/me")
    answer = client.get(roblox.consents(address, user_id))
    assert (answer.status_code, answer["Location"]) == (302, "/me"), answer.content.decode()
    return client


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_member_signs_in_and_gets_no_right(roblox: Roblox, player: Make) -> None:
    player(501, rank="Captain I")
    roblox.knows(501, "Cap")
    client = enter(roblox, 501)
    page = client.get("/me")
    assert "Captain I" in text(page)
    assert not User.objects.exists()
    assert not StaffAccount.objects.exists()
    for path in ("/admin/", "/admin/players/501/", "/admin/leave/"):
        assert "sign-in" in client.get(path)["Location"]
    cookie = client.cookies[sessions.COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_an_officer_gets_no_right_here_either(roblox: Roblox, player: Make) -> None:
    player(501, rank="Imperator")
    roblox.knows(501, "Imp")
    client = enter(roblox, 501)
    assert "sign-in" in client.get("/admin/")["Location"]
    # Its key is no session of the console, and the console's is none here.
    swapped = Client()
    swapped.cookies["grps-session"] = client.cookies[sessions.COOKIE].value
    assert "sign-in" in swapped.get("/admin/")["Location"]
    staff = Client()
    roblox.sign_in(staff, 501)
    swapped = Client()
    swapped.cookies[sessions.COOKIE] = staff.cookies["grps-session"].value
    assert "Sign in with Roblox" in text(swapped.get("/me"))


def test_who_is_no_player_is_told_so(roblox: Roblox, player: Make) -> None:
    roblox.knows(777, "Nobody")
    client = Client()
    address = roblox.asked(client, f"{WITH}?process=login&next=/me")
    answer = client.get(roblox.consents(address, 777))
    assert (answer.status_code, "no player" in text(answer)) == (403, True)
    assert sessions.COOKIE not in client.cookies


def test_a_member_asks_withdraws_and_ends(roblox: Roblox, player: Make) -> None:
    player(501, rank="Captain I")
    other = player(502, rank="Captain I")
    foreign = Leave.objects.create(
        player=other, status="approved", source="staff", first_day=TODAY, last_day=TODAY, reason="x"
    )
    roblox.knows(501, "Cap")
    client = enter(roblox, 501)
    wish = {"verb": "ask", "first": TODAY, "last": TODAY + dt.timedelta(6), "reason": "exams"}
    assert client.post("/me", wish)["Location"] == "/me?done=asked"
    assert "You asked for leave." in text(client.get("/me?done=asked"))
    again = client.post("/me", wish)
    assert (again.status_code, "asked for a leave already" in text(again)) == (400, True)
    leave = Leave.objects.get(player__user_id=501)
    assert client.post("/me", {"verb": "withdraw", "leave": leave.pk}).status_code == 302
    bad = client.post("/me", wish | {"last": TODAY - dt.timedelta(1)})
    assert "It lies before the first day" in text(bad)
    for verb in ("end", "withdraw", "more"):
        answer = client.post("/me", {"verb": verb, "leave": foreign.pk, "reason": "x"} | wish)
        assert client.post("/me", {"verb": verb, "leave": foreign.pk}).status_code == 400
        assert answer.status_code in {302, 400}
    foreign.refresh_from_db()
    assert foreign.status == "approved"
    assert "It ends soon" not in text(client.get("/me"))
    own = {"player": Player.objects.get(user_id=501), "status": "approved", "source": "staff"}
    Leave.objects.create(first_day=TODAY, last_day=TODAY, reminded_for=TODAY, reason="x", **own)
    assert "It ends soon" in text(client.get("/me"))


def test_a_locked_member_is_told_what_the_next_rank_lacks(roblox: Roblox, player: Make) -> None:
    player(501, rank="Initiate")
    roblox.knows(501, "Cap")
    client = enter(roblox, 501)
    order = Command(by=OWNER, reason="sold the plans", now=timezone.now())
    locks.lock_promotions(501, None, order)
    page = text(client.get("/me"))
    assert "Your promotions are locked." in page
    assert "<li>nothing" not in page
    assert "sold the plans" not in page
    locks.unlock_promotions(501, order)
    next_rank = own_facts(Player.objects.get(user_id=501), timezone.now()).evaluation
    assert next_rank is not None
    assert next_rank.target is not None
    locks.deny_rank(501, next_rank.target.name, order)
    page = text(client.get("/me"))
    assert f"You may not get the rank {next_rank.target.name}." in page
    assert "<li>nothing" not in page


def test_without_the_token_of_the_form_nothing_happens(roblox: Roblox, player: Make) -> None:
    player(501, rank="Captain I")
    roblox.knows(501, "Cap")
    key = enter(roblox, 501).cookies[sessions.COOKIE].value
    strict = Client(enforce_csrf_checks=True)
    strict.cookies[sessions.COOKIE] = key
    wish = {"verb": "ask", "first": TODAY, "last": TODAY, "reason": "exams"}
    assert strict.post("/me", wish).status_code == 403
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', text(strict.get("/me")))
    assert found is not None
    wish["csrfmiddlewaretoken"] = found[1]
    assert strict.post("/me", wish).status_code == 302


def test_the_session_ends_by_time_sign_out_and_erasure(roblox: Roblox, player: Make) -> None:
    player(501, rank="Captain I")
    roblox.knows(501, "Cap")
    client = enter(roblox, 501)
    with clock_at(database_clock.now() + dt.timedelta(hours=12, minutes=1)):
        assert "Sign in with Roblox" in text(client.get("/me"))
    client = enter(roblox, 501)
    key = client.cookies[sessions.COOKIE].value
    assert client.post("/me", {"verb": "sign-out"}).status_code == 302
    assert not Session.objects.filter(pk=key).exists()
    client = enter(roblox, 501)
    erasure.erase(501, by=OWNER, reason="asked for", now=timezone.now())
    assert "Sign in with Roblox" in text(client.get("/me"))


def test_headers_forbid_foreign_code_and_caches(roblox: Roblox, player: Make) -> None:
    player(501, rank="Captain I")
    roblox.knows(501, "Cap")
    for client in (Client(), enter(roblox, 501)):
        answer = client.get("/me")
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "no-store" in answer["Cache-Control"]
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_discord_is_linked_by_both_sign_ins(roblox: Roblox, discord: Discord, player: Make) -> None:
    for user_id in (501, 502):
        player(user_id, rank="Captain I")
        roblox.knows(user_id, f"Cap{user_id}")
    discord.knows(9001, "Tom#1")

    def link(client: Client) -> Any:
        address = client.post(f"{LOGIN}?process=login&next=/me")["Location"]
        return client.get(discord.consents(address, 9001))

    assert link(Client()).status_code == 403  # nobody is signed in with Roblox
    client = enter(roblox, 501)
    assert link(client)["Location"] == "/me?done=linked"
    assert links.roblox_id_of(9001) == 501
    assert AuditEvent.objects.filter(action="member.linked").count() == 1
    assert "Tom#1" in text(client.get("/me"))
    taken = link(enter(roblox, 502))
    assert (taken.status_code, "somebody else" in text(taken)) == (403, True)
    assert client.post("/me", {"verb": "unlink"}).status_code == 302
    assert links.roblox_id_of(9001) is None
    assert not User.objects.exists()
    with clock_at(database_clock.now() + dt.timedelta(minutes=16)):
        assert link(client).status_code == 403  # the sign-in with Roblox is too old
    assert Player.objects.filter(user_id=501).exists()


def test_a_member_sees_minutes_and_quotas(roblox: Roblox, player: Make) -> None:
    officer = player(501, rank="Tempest Major")
    closing.open_periods(database_clock.now())
    Player.objects.filter(pk=officer.pk).update(rank_since=timezone.now() - dt.timedelta(days=90))
    roblox.knows(501, "Major")
    page = text(enter(roblox, 501).get("/me"))
    assert "Officers&#x27; week" in page
    assert "0 of 60 minutes" in page
    assert "Active minutes by week" in page
