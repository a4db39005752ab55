"""Appeals: opened over HTTP or on the page, decided by somebody uninvolved, read by token."""

import datetime as dt
import importlib
import io
import logging
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY, generate_latest
from structlog.stdlib import ProcessorFormatter

from audits.actions import Action
from audits.models import AuditEvent, AuditPersonal
from common.errors import NotAllowed, Refused
from players.case_codes import read_code
from players.discipline import appeals, sanctions
from players.models import Appeal, Approval, Claim, Player, Sanction
from players.moderation import approvals, assignments
from players.moderation.actors import Staff, at_the_shell, officer
from players.moderation.command import Command
from players.privacy import erasure
from tests.console.conftest import Make
from tests.console.people import client_as, client_with_role
from tests.grps_site.http.test_turnstile import Receiver
from tests.players.conftest import OWNER

TEXT = "I was not there that day, my brother had the account."


def ask(client: Client, case: str, user_id: int = 1, **changes: Any) -> Any:
    body = {
        "userId": user_id,
        "case": case,
        "text": TEXT,
        "cf-turnstile-response": "a token",
    } | changes
    return client.post("/appeals", body, content_type="application/json")


def warned(user_id: int = 1, by: Staff = OWNER) -> Sanction:
    done = sanctions.warn(user_id, Command(by=by, reason="insulted somebody", now=timezone.now()))
    assert done.sanction is not None
    return done.sanction


def suspended(user_id: int) -> Sanction:
    until = timezone.now() + dt.timedelta(days=3)
    done = sanctions.suspend(
        user_id, Command(by=OWNER, reason="seen", now=timezone.now()), until=until
    )
    assert done.sanction is not None
    return done.sanction


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Yield the logs of this process."""
    handlers = [
        one for one in logging.getLogger().handlers if isinstance(one.formatter, ProcessorFormatter)
    ]
    (handler,) = [one for one in handlers if isinstance(one, logging.StreamHandler)]
    text = io.StringIO()
    before = handler.setStream(text)
    logging.getLogger("grps.http").setLevel("DEBUG")  # the paths too
    yield text
    logging.getLogger("grps.http").setLevel(logging.NOTSET)
    handler.setStream(before or sys.stderr)


def appealed(case: Sanction, user_id: int = 1) -> Appeal:
    return appeals.open_(user_id, case.code, TEXT, now=timezone.now())[0]


def decide(appeal: Appeal, by: Staff, verb: Any = appeals.approve) -> Appeal:
    assignments.claim(appeals.KIND, str(appeal.pk), by=by, now=timezone.now())
    found: Appeal = verb(appeal.pk, "The clip shows somebody else.", by=by, now=timezone.now())
    return found


def test_a_player_appeals_once_and_reads_the_answer(
    client: Client, cloudflare: type[Receiver], player: Make
) -> None:
    player(1)
    major = officer(player(2, rank="Tempest Major").user_id)
    case = warned()
    opened = ask(client, case.code)
    assert opened.status_code == 201, opened.content
    token = opened.json()["token"]
    assert cloudflare.asked[0]["response"] == ["a token"]
    read = client.get(f"/appeals/{token}")
    assert (read.json()["status"], read["Cache-Control"]) == ("open", "no-store")
    assert token not in str(Appeal.objects.values_list()[0])
    again = ask(client, case.code)
    assert again.status_code == 400
    assert "made already" in again.content.decode()
    decide(Appeal.objects.get(), major)
    answer = client.get(f"/appeals/{token}").json()
    assert (answer["status"], answer["answer"]) == ("approved", "The clip shows somebody else.")
    assert client.get("/appeals/not-a-token").status_code == 404


def test_nobody_learns_whether_somebody_else_is_sanctioned(
    client: Client, cloudflare: type[Receiver], player: Make
) -> None:
    player(1), player(2)
    case = warned()
    answers = {
        ask(client, case.code, user_id=2).json()["errors"][0]["detail"],
        ask(client, "BCDFGHJKMNPQ").json()["errors"][0]["detail"],
        ask(client, case.code, user_id=77).json()["errors"][0]["detail"],
    }
    assert len(answers) == 1
    assert not Appeal.objects.exists()


def test_without_turnstile_nobody_gets_in(
    client: Client, cloudflare: type[Receiver], settings: Any, player: Make
) -> None:
    player(1)
    case = warned()
    assert ask(client, case.code, **{"cf-turnstile-response": ""}).status_code == 401
    cloudflare.answer = 200, b'{"success": false, "error-codes": ["timeout-or-duplicate"]}'
    assert ask(client, case.code).status_code == 401
    settings.TURNSTILE_SECRET = ""
    assert ask(client, case.code).status_code == 401
    assert (
        client.post("/appeal", {"user_id": 1, "case": case.code, "text": TEXT}).status_code == 400
    )
    assert not Appeal.objects.exists()


@pytest.mark.parametrize("text", ["too short", "x" * 2001, "", "y" * 30 + "\0"])
def test_a_text_that_does_not_fit_is_refused(
    client: Client, cloudflare: type[Receiver], player: Make, text: str
) -> None:
    player(1)
    assert ask(client, warned().code, text=text).status_code == 400
    assert not Appeal.objects.exists()


def test_the_page_takes_an_appeal_and_shows_its_answer(
    client: Client, cloudflare: type[Receiver], settings: Any, player: Make
) -> None:
    settings.TURNSTILE_SITEKEY = "a site key"
    player(1)
    case = warned()
    form = client.get("/appeal")
    assert "https://challenges.cloudflare.com" in form["Content-Security-Policy"]
    assert "data-sitekey" in form.content.decode()
    fields = {"user_id": 1, "case": case.code, "text": TEXT, "cf-turnstile-response": "a token"}
    wrong = client.post("/appeal", fields | {"text": "short"})
    assert wrong.status_code == 400
    assert ">short</textarea>" in re.sub(r">\s+", ">", wrong.content.decode())
    sent = client.post("/appeal", fields)
    address = re.search(r"/appeal/([A-Za-z0-9_-]{40,})", sent.content.decode())
    assert address is not None
    assert "It is not decided yet" in client.get(address[0]).content.decode()
    decide(Appeal.objects.get(), officer(player(2, rank="Tempest Major").user_id), appeals.reject)
    told = client.get(address[0])
    assert "rejected" in told.content.decode()
    assert "somebody else" in told.content.decode()
    assert "no-store" in told["Cache-Control"]
    assert not client.cookies


def test_a_granted_appeal_undoes_what_followed(player: Make) -> None:
    player(1)
    colonel = officer(player(2, rank="Brigadier General").user_id)
    for _ in range(3):
        warned()
    fourth = warned()
    assert Player.objects.select_related("rank").get(user_id=1).rank.name == "Suspended"
    decide(appealed(fourth), colonel)
    assert Player.objects.select_related("rank").get(user_id=1).rank.name == "Storm Corporal I"
    event = AuditEvent.objects.get(action=Action.APPEAL_APPROVED)
    assert "clip" not in str(event.details)
    assert AuditPersonal.objects.filter(event_id=event.pk, field="reason").exists()


def test_whoever_issued_it_does_not_decide(player: Make) -> None:
    player(1)
    major, other = (officer(player(number, rank="Tempest Major").user_id) for number in (2, 3))
    appeal = appealed(warned(by=major))
    with pytest.raises(NotAllowed, match="issued it yourself"):
        decide(appeal, major)
    assignments.drop(appeals.KIND, str(appeal.pk))
    assert decide(appeal, other).status == "approved"


def test_neither_of_the_two_who_banned_decides_on_the_ban(player: Make) -> None:
    player(1)
    first, second, third = (
        officer(player(number, rank="Supreme Command").user_id) for number in (2, 3, 4)
    )
    sanctions.ban(1, Command(by=first, reason="exploits", now=timezone.now()))
    approvals.approve(Approval.objects.get().pk, by=second, reason="seen", now=timezone.now())
    appeal = appealed(Sanction.objects.get(kind="ban"))
    for by in (first, second):
        with pytest.raises(NotAllowed):
            decide(appeal, by)
        assignments.drop(appeals.KIND, str(appeal.pk))
    decide(appeal, third)
    assert not Player.objects.get(user_id=1).banned
    assert Approval.objects.count() == 1  # the outcome of an appeal needs no second person


def test_a_ban_is_not_lifted_by_somebody_who_may_not_ban(player: Make) -> None:
    player(1)
    major = officer(player(2, rank="Tempest Major").user_id)
    sanctions.ban(1, Command(by=OWNER, reason="exploits", now=timezone.now()))
    with pytest.raises(NotAllowed):
        decide(appealed(Sanction.objects.get()), major)
    assert Player.objects.get(user_id=1).banned


def test_only_whoever_holds_it_decides(player: Make) -> None:
    player(1)
    major, other = (officer(player(number, rank="Tempest Major").user_id) for number in (2, 3))
    appeal = appealed(warned())
    with pytest.raises(Refused, match="Claim the appeal first"):
        appeals.approve(appeal.pk, "Granted.", by=major, now=timezone.now())
    assignments.claim(appeals.KIND, str(appeal.pk), by=other, now=timezone.now())
    with pytest.raises(Refused, match="Claim the appeal first"):
        appeals.approve(appeal.pk, "Granted.", by=major, now=timezone.now())


def test_what_is_over_cannot_be_appealed_against(player: Make) -> None:
    player(1)
    now = timezone.now()
    sanctions.suspend(
        1, Command(by=OWNER, reason="seen", now=now), until=now + dt.timedelta(hours=1)
    )
    with pytest.raises(Refused):
        appeals.open_(1, Sanction.objects.get().code, TEXT, now=now + dt.timedelta(hours=2))


def test_erasing_the_person_takes_their_words(player: Make) -> None:
    player(1)
    appeal = appealed(warned())
    erasure.erase(1, by=at_the_shell(), reason="an order", now=timezone.now())
    appeal.refresh_from_db()
    assert (appeal.text, appeal.answer) == ("", "")


def test_a_moderator_takes_and_answers_it_in_the_console(player: Make) -> None:
    player(1)
    major = client_as(player(2, rank="Tempest Major"))
    appeal = appealed(warned())
    assert "against a warning" in unescape(major.get("/admin/").content.decode())
    address = f"/admin/appeals/{appeal.pk}/"
    assert TEXT in unescape(major.get(address).content.decode())
    assert "Your answer" not in major.get(address).content.decode()
    major.post(f"/admin/queue/take/appeal/{appeal.pk}/")
    assert "Your answer" in major.get(address).content.decode()
    major.post(address, {"verb": "approve", "answer": "It was somebody else."})
    appeal.refresh_from_db()
    assert (appeal.status, appeal.decided_by) == ("approved", Player.objects.get(user_id=2).subject)
    assert not Sanction.objects.filter(lifted_at=None).exists()
    assert "player_1" in unescape(major.get("/admin/appeals/?status=approved").content.decode())


def test_a_viewer_takes_no_appeal(player: Make) -> None:
    player(1)
    auditor = client_with_role(player(2, rank="Initiate"), "auditor")
    appeal = appealed(warned())
    answer = auditor.post(f"/admin/queue/take/appeal/{appeal.pk}/", follow=True)
    assert "you may not decide on it" in unescape(answer.content.decode())
    assert not Claim.objects.exists()


def test_a_case_code_is_told_only_to_its_players_game(
    player: Make, client: Client, api_key: str
) -> None:
    player(1), player(2)
    codes = [warned().code for _ in range(3)]
    codes.append(str(suspended(2).code))
    assert all(re.fullmatch("[A-Z]{12}", code) for code in codes)
    assert len(set(codes)) == 4
    headers = {"x-grps-api-key": api_key}
    told = client.get("/roblox/players/1", headers=headers).json()["cases"]
    assert [(one["kind"], one["case"]) for one in told] == [
        ("warning", code) for code in reversed(codes[:3])
    ]
    (case,) = client.get("/roblox/players/2", headers=headers).json()["cases"]
    assert (case["kind"], case["case"]) == ("suspension", codes[3])
    assert codes[3] not in client.get("/players/2").content.decode()


@pytest.mark.parametrize(
    "guess", ["1", "{pk}", "0", "999999", "BCDFGHJKMNPQ", "../../etc", "' OR 1=1 --"]
)
def test_nobody_spends_the_appeal_of_somebody_else_by_guessing(
    client: Client, cloudflare: type[Receiver], player: Make, guess: str
) -> None:
    player(1), player(2)
    case = warned()
    guess = guess.format(pk=case.pk)
    sanctioned, not_sanctioned, unknown = (
        ask(client, guess, user_id=user_id) for user_id in (1, 2, 77)
    )
    assert sanctioned.status_code == not_sanctioned.status_code == unknown.status_code == 400
    bodies = {
        answer.content.replace(answer["X-Request-ID"].encode(), b"")
        for answer in (sanctioned, unknown)
    }
    assert (
        len(bodies | {not_sanctioned.content.replace(not_sanctioned["X-Request-ID"].encode(), b"")})
        == 1
    )
    assert not Appeal.objects.exists()
    assert not AuditEvent.objects.filter(action=Action.APPEAL_OPENED).exists()
    typed = f"{case.code[:4].lower()}-{case.code[4:8]} {case.code[8:]} "
    assert ask(client, typed).status_code == 201


def test_a_wrong_code_costs_the_same_queries(
    client: Client, cloudflare: type[Receiver], player: Make
) -> None:
    player(1), player(2)
    warned()
    asked = []
    for user_id in (1, 2, 77):
        with CaptureQueriesContext(connection) as queries:
            ask(client, "BCDFGHJKMNPQ", user_id=user_id)
        asked.append([re.sub(r"\d+", "", one["sql"]) for one in queries])
    assert asked[0] == asked[1] == asked[2]


def test_the_page_says_the_same_whether_there_is_a_case_or_not(
    client: Client, cloudflare: type[Receiver], player: Make
) -> None:
    player(1), player(2)
    case = warned()
    fields = {"case": str(case.pk), "text": TEXT, "cf-turnstile-response": "a token"}
    pages = [client.post("/appeal", fields | {"user_id": user_id}) for user_id in (1, 2)]
    assert {page.status_code for page in pages} == {400}
    assert pages[0].content == pages[1].content.replace(b'value="2"', b'value="1"')


def test_two_who_have_the_code_appeal_once(transactional_db: None, player: Make) -> None:
    player(1)
    code = warned().code
    barrier = threading.Barrier(2)

    def appeal() -> str:
        barrier.wait()
        try:
            appeals.open_(1, code, TEXT, now=timezone.now())
        except Refused as refusal:
            return str(refusal)
        finally:
            connection.close()
        return "opened"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(one.result() for one in [pool.submit(appeal) for _ in range(2)])
    assert said[1] == "opened"
    assert "made already" in said[0]


@pytest.mark.parametrize(
    "path", ["/appeals/{}", "/appeal/{}", "/appeal/{}/", "/appeals//{}", "/APPEALS/{}"]
)
def test_the_token_in_a_path_is_in_no_log_and_no_referrer(
    client: Client, cloudflare: type[Receiver], player: Make, written: io.StringIO, path: str
) -> None:
    player(1)
    token = ask(client, warned().code).json()["token"]
    answers = [
        client.get(path.format(token)),
        client.head(path.format(token)),
        client.post(path.format(token)),
    ]
    assert {answer["Referrer-Policy"] for answer in answers} == {"no-referrer"}
    logging.getLogger("somebody.else").error("GET %s failed", path.format(token))
    assert written.getvalue().lower().count("ppeal") >= 4
    assert token not in written.getvalue()
    assert not AuditPersonal.objects.filter(value__contains=token).exists()
    assert token not in str(list(AuditEvent.objects.values_list("details", flat=True)))
    metrics = generate_latest(REGISTRY).decode()
    assert token not in metrics
    assert "appeal" in metrics


def test_an_error_on_the_way_to_an_answer_tells_no_token(
    client: Client, player: Make, written: io.StringIO
) -> None:
    token = "a-token-of-nobody-but-secret-all-the-same"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE appeals RENAME TO elsewhere")
    client.raise_request_exception = False
    assert client.get(f"/appeals/{token}").status_code == 500
    assert "elsewhere" in written.getvalue() or "appeals" in written.getvalue()
    assert token not in written.getvalue()


def test_sanctions_of_before_get_codes(player: Make) -> None:
    migration = importlib.import_module("players.migrations.0014_case_codes")
    player(1)
    for _ in range(3):
        warned()
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # an approval that waits for the transaction's end blocks the next
        cursor.execute("ALTER TABLE sanctions ALTER code DROP NOT NULL")
        cursor.execute("UPDATE sanctions SET code = NULL")
    with connection.schema_editor(atomic=False) as editor:
        migration.fill(apps, editor)
    codes = list(Sanction.objects.values_list("code", flat=True))
    assert len(set(codes)) == 3
    assert all(read_code(code) == code for code in codes)
