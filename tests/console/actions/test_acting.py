"""The act dialogs and the decisions on waiting requests, through the forms that staff send."""

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audits.actions import Action
from audits.models import AuditEvent, AuditPersonal
from audits.record import Target, record
from console.decorators import SIGNED_IN_AT
from players.discipline import sanctions
from players.models import Approval, Decision, Note, Player, Sanction
from players.moderation.command import Command
from tests.conftest import TESTER
from tests.console.conftest import Make
from tests.players.conftest import OWNER
from tests.shared_clock import clock_at


def send(
    client: Client, act: str, user_id: int = 1, pk: int | None = None, /, **fields: Any
) -> Any:
    """Open a dialog and send its form as a browser does."""
    address = f"/admin/acts/{act}/{user_id}/" + (f"{pk}/" if pk else "")
    asked = client.get(address)
    assert asked.status_code == 200, asked.status_code
    text = asked.content.decode()
    token = re.search(r'name="token" value="([^"]+)"', text)
    assert token is not None, text
    return client.post(address, {"token": token[1], **fields}, follow=True)


def told(response: Any) -> str:
    return unescape(response.content.decode())


def test_a_warning_is_given_with_a_preset_reason_and_evidence(owner: Client, player: Make) -> None:
    player(1)
    answer = send(
        owner,
        "warn",
        preset="Spammed the chat",
        words="three times",
        evidence="https://example.com/a",
    )
    assert "is warned (1 active)" in told(answer)
    warning = Sanction.objects.get()
    assert warning.reason == "Spammed the chat: three times"
    assert warning.evidence == ["https://example.com/a"]
    assert warning.event == AuditEvent.objects.get(action="player.warned").pk


def test_a_form_sent_twice_acts_once(owner: Client, player: Make) -> None:
    player(1)
    token = "6a1e1d4e-5d0c-4f0e-9b52-2f7f4b0f7a11"
    for _ in range(2):
        answer = owner.post(
            "/admin/acts/warn/1/", {"token": token, "words": "insulted somebody"}, follow=True
        )
    assert "not done twice" in told(answer)
    assert Sanction.objects.count() == 1


@pytest.mark.parametrize(
    ("act", "fields", "words"),
    [
        ("warn", {}, "Choose a reason"),
        ("warn", {"words": "x" * 501}, "at most 500"),
        ("warn", {"words": "seen", "evidence": "http://example.com"}, "not an https:// link"),
        ("suspend", {"words": "seen", "duration": "own"}, "Say until when"),
        (
            "suspend",
            {"words": "seen", "duration": "own", "own_end": "2020-01-01T10:00"},
            "moment has passed",
        ),
        ("adjust", {"words": "seen", "amount": "0"}, "nothing changes nothing"),
        ("adjust", {"words": "seen", "amount": "1.234"}, "2 decimal"),
        ("rank", {"words": "seen", "rank": "Suspended"}, "Select a valid choice"),
    ],
)
def test_an_error_stands_at_its_field(
    owner: Client, player: Make, act: str, fields: dict[str, str], words: str
) -> None:
    player(1)
    answer = send(owner, act, **fields)
    assert words in told(answer)
    assert not Sanction.objects.exists()
    if "words" in fields and len(fields["words"]) < 500:
        assert ">seen</textarea>" in re.sub(r">\s+", ">", told(answer))  # the typed text is kept


def test_a_suspension_takes_the_rank_and_its_lift_gives_it_back(
    owner: Client, player: Make
) -> None:
    before = player(1)
    send(owner, "suspend", duration="3", words="harassed somebody")
    held = Player.objects.select_related("rank", "former_rank").get()
    assert held.rank.name == "Suspended"
    assert held.former_rank is not None
    suspension = Sanction.objects.get()
    assert suspension.ends_at is not None
    assert abs(suspension.ends_at - timezone.now() - dt.timedelta(days=3)) < dt.timedelta(minutes=5)
    send(owner, "lift", words="cleared")
    after = Player.objects.get()
    assert (after.rank_id, after.rank_since) == (before.rank_id, before.rank_since)
    assert after.former_rank_id is None


def test_a_ban_waits_for_a_second_person_who_is_another_one(
    owner: Client, deputy: Client, player: Make
) -> None:
    player(1)
    answer = send(owner, "ban", duration="good", words="exploits")
    assert "waits as request" in told(answer)
    assert not Player.objects.get().banned
    approval = Approval.objects.get()
    decide = {"verb": "approve", "words": "the clip is clear"}
    refused = owner.post(f"/admin/approvals/{approval.pk}/", decide)
    assert "a second person must decide" in told(refused)
    assert not Player.objects.get().banned
    deputy.post(f"/admin/approvals/{approval.pk}/", decide)
    assert Player.objects.get().banned
    ban = Sanction.objects.get()
    assert ban.ends_at is None
    approval.refresh_from_db()
    assert (approval.status, approval.carried_out) == ("approved", ban.event)


@pytest.mark.parametrize(("ticked", "alts"), [({"alt_accounts": "on"}, True), ({}, False)])
def test_alternative_accounts_are_a_choice_of_the_ban(
    owner: Client, deputy: Client, player: Make, ticked: dict[str, str], alts: bool
) -> None:
    player(1)
    assert "checked" in str(owner.get("/admin/acts/ban/1/").context["form"]["alt_accounts"])
    send(owner, "ban", duration="good", words="exploits", **ticked)
    deputy.post(
        f"/admin/approvals/{Approval.objects.get().pk}/", {"verb": "approve", "words": "clear"}
    )
    assert Sanction.objects.get().alt_accounts is alts


def test_a_request_can_be_taken_back_by_whoever_asked(owner: Client, player: Make) -> None:
    player(1)
    send(owner, "ban", duration="7", words="exploits")
    pk = Approval.objects.get().pk
    owner.post(f"/admin/approvals/{pk}/", {"verb": "withdraw", "words": "wrong person"})
    assert Approval.objects.get().status == "withdrawn"


def test_a_grave_act_asks_for_a_young_sign_in(owner: Client, player: Make) -> None:
    player(1)
    session = owner.session
    session[SIGNED_IN_AT] = int(timezone.now().timestamp()) - 16 * 60
    session.save()
    assert owner.get("/admin/acts/ban/1/").status_code == 302
    assert owner.post("/admin/acts/ban/1/", {"words": "exploits"}).status_code == 302
    assert owner.get("/admin/acts/warn/1/").status_code == 200
    assert not Approval.objects.exists()


def test_the_dialog_says_what_follows(owner: Client, player: Make) -> None:
    player(1)
    now = timezone.now()
    for _ in range(3):
        sanctions.warn(1, Command(by=OWNER, reason="again", now=now))
    text = unescape(owner.get("/admin/acts/warn/1/").content.decode())
    assert "Warning 4 of 4: it suspends them for 14 days." in text


def test_pardoning_the_fourth_warning_ends_its_suspension(owner: Client, player: Make) -> None:
    player(1)
    for _ in range(4):
        send(owner, "warn", words="again")
    assert Player.objects.select_related("rank").get().rank.name == "Suspended"
    fourth = Sanction.objects.filter(kind="warning").order_by("pk").last()
    assert fourth is not None
    answer = send(owner, "pardon", 1, fourth.pk, words="it was somebody else")
    assert "suspension" in told(answer)
    assert Player.objects.select_related("rank").get().rank.name == "Storm Corporal I"


def test_a_note_is_written_seen_and_withdrawn(owner: Client, player: Make) -> None:
    player(1)
    send(owner, "note", text="keeps asking for ranks")
    note = Note.objects.get()
    assert "keeps asking" in told(owner.get("/admin/players/1/"))
    send(owner, "withdraw", 1, note.pk)
    assert "keeps asking" not in told(owner.get("/admin/players/1/"))


def test_a_rank_is_proposed_by_one_and_decided_by_another(
    owner: Client, deputy: Client, player: Make
) -> None:
    player(1)
    send(owner, "propose", rank="Captain II", words="does the work already")
    decision = Decision.objects.get()
    decide = {"verb": "approve", "words": "agreed"}
    assert "You proposed it yourself" in told(
        owner.post(f"/admin/decisions/{decision.pk}/", decide)
    )
    assert Player.objects.select_related("rank").get().rank.name == "Storm Corporal I"
    deputy.post(f"/admin/decisions/{decision.pk}/", decide)
    assert Player.objects.select_related("rank").get().rank.name == "Captain II"


def test_what_a_player_reads_of_a_ban_is_shown_without_links(owner: Client, player: Make) -> None:
    text = told(owner.get("/admin/acts/preview/?words=see https://example.com and @mod"))
    assert "example.com" not in text
    assert "@mod" not in text


def test_nobody_is_led_away_after_an_act(owner: Client, player: Make) -> None:
    player(1)
    token = "6a1e1d4e-5d0c-4f0e-9b52-2f7f4b0f7a11"
    fields = {"token": token, "words": "insulted somebody", "next": "https://evil.example/"}
    assert owner.post("/admin/acts/warn/1/", fields)["Location"] == "/admin/players/1/"


def test_whoever_approves_sees_the_person_and_who_asked(
    owner: Client, deputy: Client, player: Make
) -> None:
    player(1)
    send(owner, "warn", words="insulted somebody")
    send(owner, "ban", words="exploits", duration="good", evidence="https://example.com/a")
    pk = Approval.objects.get().pk
    page = told(deputy.get(f"/admin/approvals/{pk}/"))
    for words in (
        "They cannot join any of the community's games",
        "1 warning in force",
        "insulted somebody",
        "Who asked, lately",
        'target="_blank"',
    ):
        assert words in page, words
    Approval.objects.update(created_at=timezone.now() - dt.timedelta(days=2))
    assert "Ban player_1" in told(deputy.get("/admin/?kind=requests&old=1"))
    Approval.objects.update(created_at=timezone.now())
    assert "Nothing waits here" in told(deputy.get("/admin/?kind=requests&old=1"))


def test_confirmed_mirrors_are_shown_under_roblox_alone(owner: Client, player: Make) -> None:
    one = player(1)
    with transaction.atomic():
        target = Target("player", str(one.pk), one.username, one.subject)
        record(Action.MIRROR_CONFIRMED, actor=TESTER, target=target, after={"rank": "x"})
    shown = [
        len(owner.get(f"/admin/players/1/?show={name}").context["timeline"].entries)
        for name in ("", "roblox")
    ]
    assert shown == [0, 1]


def test_each_verb_has_reasons_of_its_own(owner: Client, deputy: Client, player: Make) -> None:
    player(1)
    send(owner, "propose", rank="Captain II", words="leads well")
    made = Decision.objects.get()
    page = f"/admin/decisions/{made.pk}/"
    queue = told(deputy.get("/admin/?kind=decisions"))
    assert f"{page}?verb=approve" in queue
    assert f"{page}?verb=reject" in queue
    approving, rejecting = told(deputy.get(page)), told(deputy.get(f"{page}?verb=reject"))
    assert ("Checked and agreed" in approving, "Not ready yet" in approving) == (True, False)
    assert ("Checked and agreed" in rejecting, "Not ready yet" in rejecting) == (False, True)
    refused = deputy.post(page, {"verb": "reject", "preset": "Checked and agreed"})
    assert "Select a valid choice" in told(refused)
    assert "Choose a reason" in told(deputy.post(page, {"verb": "reject"}))
    answer = deputy.post(
        page, {"verb": "reject", "send": "Not ready yet", "next": "/admin/?kind=decisions"}
    )
    assert answer.headers["Location"] == "/admin/?kind=decisions"
    made.refresh_from_db()
    assert made.status == "rejected"
    assert AuditPersonal.objects.filter(field="reason", value="Not ready yet").count() == 1


def test_a_rank_is_chosen_never_the_lowest_by_default(owner: Client, player: Make) -> None:
    player(1)
    assert "Choose a rank" in told(owner.get("/admin/acts/rank/1/"))
    assert "This field is required" in told(send(owner, "rank", words="as voted"))
    assert Player.objects.get().rank.name == "Storm Corporal I"


def test_ones_own_act_is_undone_at_once_without_a_reason(
    owner: Client, deputy: Client, player: Make
) -> None:
    player(1)
    send(owner, "warn", send="Spammed the chat")
    event = AuditEvent.objects.get(action="player.warned").pk
    assert "id_reason" in told(deputy.get(f"/admin/revert/{event}/"))
    assert "id_reason" not in told(owner.get(f"/admin/revert/{event}/"))
    with clock_at(timezone.now() + dt.timedelta(minutes=2)):
        assert "id_reason" in told(owner.get(f"/admin/revert/{event}/"))
    owner.post(f"/admin/revert/{event}/", {"csrfmiddlewaretoken": "x"})
    assert Sanction.objects.get().lifted_at is not None
