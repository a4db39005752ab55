"""The audit explorer: its filters, the page of one event, and exported files."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audits import search
from audits.actions import Action
from audits.chain.offline import verify_proof
from audits.chain.sealing import seal_pending, trusted_keys
from audits.models import AuditEvent, Seal
from audits.record import NOBODY, Actor, Target, erase, record
from audits.search import EventFilter, find
from console.audit import export
from players.discipline import sanctions
from players.models import Player
from players.moderation.actors import officer
from players.moderation.audit_fields import target_of
from players.moderation.command import Command
from tests.console.people import client_as, client_with_role

pytestmark = pytest.mark.django_db
Make = Callable[..., Player]
BOT = Actor("system", "schedule", "schedule")


def told(action: Action, actor: Actor = BOT, target: Target = NOBODY, **more: Any) -> int:
    with transaction.atomic():
        return record(action, actor=actor, target=target, **more)


def moved(event: int, at: dt.datetime) -> None:
    """Change the time of an event, which only a test can do."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audits DISABLE TRIGGER USER")
        cursor.execute("UPDATE audits SET at = %s WHERE id = %s", [at, event])
        cursor.execute("ALTER TABLE audits ENABLE TRIGGER USER")


def a_march_to_come() -> dt.datetime:
    """Return a time after all recorded events, since ids are in the order of their times."""
    return dt.datetime(timezone.now().year + 5, 3, 1, tzinfo=dt.UTC)


def ids(client: Client, **query: str) -> list[int]:
    """Return the ids of the events on a page of the explorer."""
    return [row.event.id for row in client.get("/admin/audit/", query).context["rows"]]


@pytest.fixture
def officer_of(player: Make) -> Player:
    return player(90, rank="Brigadier General", points=90000)


@pytest.fixture
def warned(player: Make, officer_of: Player) -> tuple[Player, int]:
    newt = player(5)
    done = sanctions.warn(
        5, Command(by=officer(90), reason="Spamming", now=timezone.now()), evidence=()
    )
    assert done.event is not None
    return newt, done.event


def test_it_finds_by_the_actors_name_and_user_id(owner: Client, warned: tuple[Player, int]) -> None:
    for who in ("player_90", "PLAYER_90", "90", f"staff:{Player.objects.get(user_id=90).pk}"):
        assert ids(owner, actor=who) == [warned[1]]


def test_it_finds_by_the_targets_name_and_user_id(
    owner: Client, warned: tuple[Player, int]
) -> None:
    player, event = warned
    for whom in ("player_5", "5", f"player:{player.pk}"):
        assert event in ids(owner, target=whom)
    assert ids(owner, target="90") == []


def test_it_finds_one_action_and_a_whole_group(owner: Client, bootstrapped: None) -> None:
    up, down, other = (
        told(Action.RANK_PROMOTED),
        told(Action.RANK_DEMOTED),
        told(Action.DRIFT_FOUND),
    )
    assert ids(owner, action="rank.promoted") == [up]
    assert ids(owner, action="rank.") == [down, up]
    assert other not in ids(owner, action="rank.")


def test_it_finds_by_experience_and_by_request(owner: Client, bootstrapped: None) -> None:
    with structlog.contextvars.bound_contextvars(request_id="req-of-nexus"):
        here = told(Action.DRIFT_FOUND, experience="nexus")
    told(Action.DRIFT_FOUND)
    assert ids(owner, experience="nexus", action="drift.found") == [here]
    assert ids(owner, request="req-of-nexus") == [here]
    assert ids(owner, request="nobody-sent-this") == []


def test_it_finds_what_happened_within_a_span_alone(owner: Client, bootstrapped: None) -> None:
    events = [told(Action.DRIFT_FOUND) for _ in range(40)]
    start = a_march_to_come()
    for number, event in enumerate(events):
        moved(event, start + number * dt.timedelta(hours=1))
    span = {"since": f"{start.year}-03-01T10:00", "until": f"{start.year}-03-01T13:00"}
    found = ids(owner, action="drift.found", **span)
    assert found == [events[12], events[11], events[10]]
    assert ids(owner, **span) == found
    assert ids(owner, since=f"{start.year + 1}-01-01T00:00") == []


def test_a_span_leads_to_few_ids_at_any_place_of_the_log(bootstrapped: None) -> None:
    events = [told(Action.DRIFT_FOUND) for _ in range(100)]
    start = a_march_to_come()
    for number, event in enumerate(events):
        moved(event, start + number * dt.timedelta(days=1))
    within = search.span(
        EventFilter(since=start + dt.timedelta(days=50), until=start + dt.timedelta(days=52))
    )
    assert (within.low, within.high) == (events[50], events[53])


def test_each_page_continues_after_the_last(owner: Client, bootstrapped: None) -> None:
    made = [told(Action.DRIFT_FOUND) for _ in range(120)]
    seen: list[int] = []
    before = ""
    while True:
        page = owner.get("/admin/audit/", {"action": "drift.found", "before": before})
        seen += [row.event.id for row in page.context["rows"]]
        if page.context["found"].older is None:
            break
        before = str(page.context["found"].older)
    assert seen == made[::-1]


def test_filters_without_an_index_read_a_bounded_number(
    bootstrapped: None,
) -> None:
    rare = told(Action.DRIFT_FOUND, experience="nexus")
    for _ in range(30):
        told(Action.DRIFT_FOUND)
    wanted = EventFilter(actions=("drift.found",), experience="nexus")
    found = find(wanted, looked=20)
    assert (list(found.ids), found.cut) == ([], True)
    assert found.older is not None
    assert list(find(wanted, found.older, looked=20).ids) == [rare]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"actor": "nobody at all"}, "actor", "Nobody here is called"),
        ({"target": "nobody at all"}, "target", "No player is called"),
        ({"actor": "system"}, "actor", "say which one too"),
        ({"since": "yesterday"}, "since", "valid date"),
        (
            {"since": "2031-03-02T00:00", "until": "2031-03-01T00:00"},
            "until",
            "ends before it begins",
        ),
        ({"action": "rank.nonsense"}, "action", "valid choice"),
    ],
)
def test_a_filter_without_sense_is_named_and_finds_nothing(
    owner: Client, bootstrapped: None, query: dict[str, str], field: str, words: str
) -> None:
    page = owner.get("/admin/audit/", query)
    assert words in str(page.context["form"].errors[field])
    assert page.context["rows"] == []


def test_an_event_shows_what_changed_and_leads_to_both_people(
    owner: Client, warned: tuple[Player, int]
) -> None:
    page = owner.get(reverse("console:event", args=[warned[1]])).content.decode()
    assert "Spamming" in page
    assert reverse("console:player", args=[5]) in page
    assert reverse("console:player", args=[90]) in page
    assert reverse("console:revert", args=[warned[1]]) in page


def test_an_event_tells_what_took_it_back(owner: Client, warned: tuple[Player, int]) -> None:
    sanction = Player.objects.get(user_id=5).sanctions.get()
    done = sanctions.pardon(
        sanction.pk,
        Command(by=officer(90), reason="Mistake", now=timezone.now(), reverts=warned[1]),
    )
    first = owner.get(reverse("console:event", args=[warned[1]])).content.decode()
    second = owner.get(reverse("console:event", args=[done.event])).content.decode()
    assert reverse("console:event", args=[done.event]) in first
    assert reverse("console:revert", args=[warned[1]]) not in first
    assert reverse("console:event", args=[warned[1]]) in second


def test_what_was_erased_is_told_to_be_erased(owner: Client, warned: tuple[Player, int]) -> None:
    player, event = warned
    with transaction.atomic():
        erase(player.subject)
    page = owner.get(reverse("console:event", args=[event])).content.decode()
    assert "erased" in page
    assert "Spamming" not in page


def test_there_is_no_page_of_an_event_that_never_was(owner: Client, bootstrapped: None) -> None:
    assert owner.get(reverse("console:event", args=[987654])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_sealed_event_offers_its_proof(owner: Client, bootstrapped: None) -> None:
    event = told(Action.DRIFT_FOUND)
    assert "not sealed yet" in owner.get(reverse("console:event", args=[event])).content.decode()
    assert seal_pending() is not None
    assert "The proof holds" in owner.get(reverse("console:event", args=[event])).content.decode()
    answer = owner.get(reverse("console:event-proof", args=[event]))
    assert "attachment" in answer["Content-Disposition"]
    assert verify_proof(json.loads(answer.content), trusted_keys()) == []


@pytest.mark.django_db(transaction=True)
def test_a_changed_seal_is_told_on_the_event_and_in_the_chain(
    owner: Client, bootstrapped: None
) -> None:
    event = told(Action.DRIFT_FOUND)
    assert seal_pending() is not None
    assert "signed and linked" in owner.get(reverse("console:seals")).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE seals DISABLE TRIGGER USER")
        cursor.execute("UPDATE seals SET at = at + interval '1 hour'")
        cursor.execute("ALTER TABLE seals ENABLE TRIGGER USER")
    assert (
        "The proof does not hold"
        in owner.get(reverse("console:event", args=[event])).content.decode()
    )
    page = owner.get(reverse("console:seals")).content.decode()
    assert "its hash does not fit" in page
    assert Seal.objects.count() >= 1


def test_a_name_that_is_not_what_was_recorded_is_told(
    owner: Client, warned: tuple[Player, int]
) -> None:
    with transaction.atomic():
        erase(warned[0].subject)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_personal (event_id, field, subject, salt, value)"
            " VALUES (%s, 'reason', 'x', '\\x00', 'no')",
            [warned[1]],
        )
    assert (
        "not what was recorded"
        in owner.get(reverse("console:event", args=[warned[1]])).content.decode()
    )


def exported(client: Client, form: str, **filters: str) -> str:
    answer = client.post("/admin/audit/export/", {"format": form, **filters})
    assert answer.status_code == 200
    return answer.getvalue().decode("utf-8-sig")


def test_an_export_holds_what_the_filters_find(owner: Client, warned: tuple[Player, int]) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(owner, "csv", target="5"))))
    assert [int(row["id"]) for row in rows] == [warned[1]]
    assert rows[0]["reason"] == "Spamming"
    last = AuditEvent.objects.latest("pk")
    assert last.action == Action.AUDIT_EXPORTED
    assert last.details["filter"]["target"] == f"player:{warned[0].pk}"


def test_an_export_as_json_lines_has_an_object_a_line(
    owner: Client, warned: tuple[Player, int]
) -> None:
    [line] = exported(owner, "jsonl", target="5").splitlines()
    found = json.loads(line)
    assert (found["id"], found["personal"]["reason"]) == (warned[1], "Spamming")


def test_an_export_that_is_cut_says_where(
    owner: Client, bootstrapped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [told(Action.DRIFT_FOUND) for _ in range(9)]
    monkeypatch.setattr(export, "MOST", 5)
    monkeypatch.setattr(export, "BATCH", 2)
    lines = [
        json.loads(line) for line in exported(owner, "jsonl", action="drift.found").splitlines()
    ]
    assert [line["id"] for line in lines[:-1]] == events[:3:-1]
    assert lines[-1]["below"] == events[4]


def test_no_cell_of_an_export_is_a_formula(owner: Client, player: Make) -> None:
    told(Action.PLAYER_NOTED, target=target_of(player(6)), reason="=HYPERLINK(evil)")
    [row] = csv.DictReader(io.StringIO(exported(owner, "csv", target="6")))
    assert row["reason"] == "'=HYPERLINK(evil)"


def test_an_export_in_a_form_that_there_is_not_is_refused(
    owner: Client, bootstrapped: None
) -> None:
    answer = owner.post("/admin/audit/export/", {"format": "pdf"}, follow=True)
    assert "there is no &#x27;pdf&#x27;" in answer.content.decode()
    assert not AuditEvent.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_who_has_no_right_to_the_log_sees_none_of_it(
    player: Make, warned: tuple[Player, int]
) -> None:
    integrator = client_with_role(player(70), "integrator")
    assert integrator.get("/admin/audit/").status_code == 403
    assert integrator.get(reverse("console:event", args=[warned[1]])).status_code == 403
    assert integrator.post("/admin/audit/export/", {"format": "csv"}).status_code == 403


def test_a_moderator_reads_the_log(officer_of: Player, warned: tuple[Player, int]) -> None:
    assert warned[1] in ids(client_as(officer_of))


def test_the_pages_cost_few_queries(owner: Client, warned: tuple[Player, int]) -> None:
    for _ in range(60):
        told(Action.DRIFT_FOUND)
    query = "?actor=player_90&target=5&action=player.&since=2020-01-01T00:00&until=2040-01-01T00:00"
    for address in (
        "/admin/audit/",
        f"/admin/audit/{query}",
        f"/admin/audit/{warned[1]}/",
        "/admin/audit/seals/",
    ):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert owner.get(address).status_code == 200
        assert len(queries) <= 25, address


def test_the_login_of_an_operator_is_shown_nowhere(owner: Client, player: Make) -> None:
    newt = player(6)
    event = told(
        Action.PLAYER_NOTED,
        Actor("staff", "shell", "secret-login", "shell:secret-login"),
        target_of(newt),
    )
    assert "secret-login" not in owner.get(reverse("console:event", args=[event])).content.decode()
    assert "secret-login" not in exported(owner, "csv", target="6")
    assert "secret-login" not in exported(owner, "jsonl", target="6")
