"""An old session permits no grave act: every address of the console is classified."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from audits.models import AuditEvent
from console.accounts.step_up import GRAVE, changing
from console.decorators import SIGNED_IN_AT
from players.actions.registry import ACTIONS
from players.discipline import sanctions
from players.models import Decision, Player
from players.moderation.command import Command
from players.ranks import decisions
from tests.console.conftest import Make
from tests.console.people import client_as, owner_client
from tests.players.conftest import OWNER

# Addresses that only read, or change nothing that needs a recent sign-in. A new address belongs
# here or in the table.
OURS = """
    home queue-seen queue-take sign-in sessions player explain act-preview approvals appeals experiences sync
    sync-ask sync-job drifts drift parked parked-retry parked-again role-pins role-pin audit audit-export seals
    event event-proof policy policy-diff policy-version policy-documents policy-simulation palette players
    endpoint delivery
    filter-save filter-delete bulk-job bulk-results adjustments adjustment adjustment-results quarantines quarantine
    imports import import-results quotas quotas-csv leave join-requests discord discord-read discord-retry
    hosted-events hosted-events-calendar hosted-event hosted-event-new hosted-event-change hosted-event-add
    design design-dialog player-avatar
    hosted-event-strike hosted-event-end hosted-event-cancel hosted-event-award hosted-series-end
    reports report report-join reports-mute reports-unmute
"""
OF_THE_ADMIN = "login logout index autocomplete jsi18n view_on_site app_list None"
ORDINARY = {f"console:{name}" for name in OURS.split()} | {
    f"admin:{name}" for name in OF_THE_ADMIN.split()
}
READ_ONLY = re.compile(
    r"admin:(audits|roblox|players|syncs|webhooks)_\w+_(changelist|add|history|delete|change)"
)


def addresses(
    resolver: Any = None, path: str = "", space: str = ""
) -> Iterator[tuple[str, str, Any]]:
    """Yield path, name and view of every address below /admin/ that we or the admin named."""
    for pattern in (resolver or get_resolver()).url_patterns:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(
                pattern, here, space + (f"{pattern.namespace}:" if pattern.namespace else "")
            )
        elif here.startswith("admin/") and space:
            yield here, f"{space}{pattern.name}", pattern.callback


def test_every_console_address_says_if_it_needs_a_fresh_sign_in() -> None:
    unknown = [
        name
        for _, name, view in addresses()
        if not (
            name in GRAVE
            or name in ORDINARY
            or READ_ONLY.fullmatch(name)
            or getattr(view, "fresh", False)
        )
    ]
    assert unknown == [], (
        "put it into console.accounts.step_up.GRAVE, or here with the ordinary ones"
    )
    names = {name for _, name, _ in addresses()}
    assert names >= GRAVE.keys()


def stale(client: Client) -> Client:
    session = client.session
    session[SIGNED_IN_AT] = int(time.time()) - 3600
    session.save()
    return client


def is_asked(answer: Any) -> bool:
    return bool(
        answer.status_code == 302 and answer["Location"].startswith("/admin/sign-in/?next=")
    )


def filled(path: str) -> str:
    return "/" + re.sub(
        r"<slug:name>", "ban", re.sub(r"<(slug|str):\w+>", "nexus", re.sub(r"<\w+:\w+>", "1", path))
    )


@pytest.mark.parametrize(
    "name", sorted(GRAVE.keys() - {"console:revert", "console:act", "console:act-on"})
)
def test_an_old_session_is_asked_to_sign_in_again(bootstrapped: None, name: str) -> None:
    (path,) = [filled(path) for path, found, _ in addresses() if found == name]
    client = stale(owner_client())
    assert is_asked(client.post(path, {"verb": "approve", "reason": "x", "words": "x"}))
    assert is_asked(client.post(path, HTTP_HX_REQUEST="true"))
    if GRAVE[name] is not changing:
        assert is_asked(client.get(path))
    assert not is_asked(owner_client("dora").get(path))


@pytest.mark.parametrize("name", sorted(action.name for action in ACTIONS if action.dialog))
def test_serious_dialogs_ask_for_a_fresh_sign_in(player: Make, name: str) -> None:
    player(1)
    path = f"/admin/acts/{name}/1/"
    client = stale(owner_client())
    assert {is_asked(client.get(path)), is_asked(client.post(path))} == {
        name in {"ban", "unban", "rank"}
    }


@pytest.fixture
def proposal(player: Make) -> Decision:
    return decisions.propose(
        player(1).user_id, "Captain I", Command(by=OWNER, reason="seen", now=timezone.now())
    )


def test_an_old_session_approves_no_rank_by_any_way(proposal: Decision, player: Make) -> None:
    client = stale(client_as(player(2, rank="Supreme Command")))
    assert client.get(f"/admin/decisions/{proposal.pk}/").status_code == 200
    tries = [
        client.post(f"/admin/decisions/{proposal.pk}/", {"verb": "approve", "words": "fine"}),
        client.post(
            "/admin/queue/act/", {"verb": "approve", "reason": "fine", "pick": [proposal.pk]}
        ),
        client.post("/admin/acts/rank/1/", {"rank": "Captain I", "words": "fine"}),
    ]
    assert all(is_asked(one) for one in tries)
    listed = client.post(
        "/admin/players/decision/", {"action": "approve", "_selected_action": [proposal.pk]}
    )
    assert listed.status_code in {200, 302, 403, 405}
    proposal.refresh_from_db()
    assert proposal.status == "proposed"
    assert Player.objects.select_related("rank").get(user_id=1).rank.name == "Storm Corporal I"
    fresh = client_as(Player.objects.get(user_id=2))
    fresh.post(f"/admin/decisions/{proposal.pk}/", {"verb": "approve", "words": "fine"})
    proposal.refresh_from_db()
    assert proposal.status == "applied"


def test_an_old_session_lifts_no_ban_by_undoing_it(player: Make) -> None:
    player(1)
    sanctions.ban(1, Command(by=OWNER, reason="exploits", now=timezone.now()))
    event = AuditEvent.objects.get(action="player.banned")
    client = stale(owner_client("dora"))
    assert is_asked(client.get(f"/admin/revert/{event.pk}/"))
    assert is_asked(client.post(f"/admin/revert/{event.pk}/", {"reason": "x"}))
    sanctions.warn(1, Command(by=OWNER, reason="spam", now=timezone.now()))
    warned = AuditEvent.objects.get(action="player.warned")
    assert client.get(f"/admin/revert/{warned.pk}/").status_code == 200


def test_the_admin_has_no_acts_of_its_own(bootstrapped: None, rf: Any) -> None:
    for model, page in admin.site._registry.items():
        request = rf.get("/")
        request.user = type("Everybody", (), {"has_perm": staticmethod(lambda *_: True), "pk": 1})()
        assert page.get_actions(request) == {}, model
