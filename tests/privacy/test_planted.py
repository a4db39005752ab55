"""A person who occurs everywhere is erased, and nothing of them is found afterwards."""

import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from audits import tasks as audit_tasks
from audits.chain import export, offline
from audits.chain.sealing import seal_pending, trusted_keys
from audits.chain.verify import verify
from audits.models import AuditEvent, AuditPersonal
from console.accounts import role_grants
from console.accounts.permissions import rights_of
from console.models import RoleGrant, SavedFilter, StaffAccount
from grps_site.celery import app
from grps_site.http import request_signing, throttling
from players import tasks
from players.models import (
    AdjustmentRow,
    Appeal,
    Approval,
    BulkJob,
    Decision,
    ErasureOrder,
    Note,
    Player,
    Rank,
    Sanction,
)
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.points import consistency
from roblox.models import Experience
from syncs.models import Drift, Mirror, SyncJob
from syncs.privacy import datastores
from tests.console.accounts.conftest import Roblox
from tests.console.people import client_as, local_owner, owner_client
from tests.grps_site.http.test_turnstile import Receiver
from tests.players.conftest import Game
from tests.privacy.conftest import holding, in_tables, in_valkey
from tests.roblox_world import World
from tests.webhooks.inbound.conftest import Sender
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

USER, OTHER, BOSS = 7_700_077_001, 7_700_088_002, 7_700_099_003
NAME, FORMER, DISPLAY = "Marked_Person_77", "Formerly_Marked_9", "Marked Display Name"
DISCORD, DISCORD_NAME = "880008800088000880", "marked.discord"
ADDRESS = "203.0.113.77"
WORDS = (str(USER), NAME, FORMER, DISPLAY, DISCORD, DISCORD_NAME, ADDRESS)
ERRORS = re.compile(r'<ul class="errorlist.*?</ul>|You may not[^<]*', re.DOTALL)
SAID = f"{NAME}, once {FORMER}, alias {DISPLAY} (https://www.roblox.com/users/{USER}/profile)"
LONG_AFTER = dt.timedelta(minutes=11)
Pull = Callable[..., SyncJob]


@pytest.fixture
def planted(
    community: World,
    game: Game,
    pull: Pull,
    nexus: Experience,
    accounts: Roblox,
    notifier: Sender,
    cloudflare: type[Receiver],
    mirrors: tuple[Path, str],
    log: io.StringIO,
    settings: Any,
    tmp_path: Path,
) -> Iterator[None]:
    """Add the person's data through every entry point."""
    settings.THROTTLE_WRITE_PER_MINUTE = settings.THROTTLE_PUBLIC_PER_MINUTE = 10_000
    settings.LOCAL_LOGIN, settings.LOCAL_LOGIN_MFA = True, False
    throttling._leases.clear()
    for user_id, rank in ((USER, "Tempest Major"), (BOSS, "Supreme Council"), (OTHER, "Captain I")):
        community.join(user_id, rank)
    _earn(game)
    _be_an_officer(accounts)
    _on_roblox(community, pull, nexus)
    _in_a_game(game)
    _in_the_console()
    _appeal()
    _be_asked_for_a_role()
    _be_in_files(tmp_path)
    _be_in_mass_changes()
    _be_told_of_outside(notifier)
    _sign_in_in_vain()
    _look_at_them()
    Mirror.objects.filter(player__user_id=USER).update(reason=f"user {USER}: refused")
    while seal_pending():
        pass
    audit_tasks.mirror()
    yield
    throttling._leases.clear()


def _earn(game: Game) -> None:
    game.send(
        game.event(USER, username=FORMER, displayName=DISPLAY), game.event(OTHER), game.event(BOSS)
    )
    # Former names are found through the records that were written under them.
    call_command("player", "note", str(USER), "--reason", SAID, stdout=StringIO())
    later = (timezone.now() + dt.timedelta(seconds=1)).isoformat()
    game.send(game.event(USER, 2, username=NAME, displayName=DISPLAY, occurredAt=later))
    game.send(
        game.event(OTHER, 2, actorUserId=USER, type="recommendation_cmd", awarded=0, total=15)
    )
    for user_id, rank in ((USER, "Tempest Major"), (BOSS, "Supreme Council"), (OTHER, "Captain I")):
        Player.objects.filter(user_id=user_id).update(
            rank=Rank.objects.get(name=rank), member="member"
        )


def _be_an_officer(accounts: Roblox) -> None:
    """Sign in with Roblox, link Discord, and act in the console."""
    accounts.knows(USER, NAME)
    browser = Client(REMOTE_ADDR=ADDRESS)
    assert accounts.sign_in(browser, USER).status_code == 302
    account = StaffAccount.objects.get(roblox_id=USER)
    SocialAccount.objects.create(
        user=account.user,
        provider="discord",
        uid=DISCORD,
        extra_data={"id": DISCORD, "username": DISCORD_NAME, "global_name": DISPLAY},
    )
    assert UserSession.objects.filter(user=account.user, ip=ADDRESS).exists()
    answer = browser.post(
        f"/admin/acts/warn/{OTHER}/", {"token": uuid4(), "words": f"seen by {NAME}"}
    )
    assert answer.status_code == 302
    answer = browser.post("/admin/filters/players/", {"name": "mine", "query": f"q={NAME}"})
    assert SavedFilter.objects.filter(query__contains=NAME).exists(), answer.status_code


def _on_roblox(community: World, pull: Pull, nexus: Experience) -> None:
    entry = {"points": 12.5, "kos": 1, "wos": 0, "rank": "Initiate", "username": NAME}
    community.save(USER, entry, 1250)
    pull("members", dry_run=True)
    pull("members")
    pull("points", nexus, dry_run=True)
    pull("points", nexus)
    theirs = {"active": True, "by": USER, "privateReason": SAID}
    Drift.objects.create(
        aspect="restriction", experience=nexus, subject=str(OTHER), theirs=theirs, detail=SAID
    )
    pull("restrictions", nexus)
    SyncJob.objects.filter(activity="points").update(error=f"user {USER} could not be read")
    Player.objects.filter(user_id=USER).update(rank=Rank.objects.get(name="Tempest Major"))


def _in_a_game(game: Game) -> None:
    """Warn them, warn as them and mention them. A log line of the game names no player it knows."""
    for actor, user_id, kind in (
        (BOSS, USER, "warn"),
        (USER, OTHER, "warn"),
        (BOSS, OTHER, "note"),
    ):
        body = {
            "id": f"m-{uuid4()}",
            "actorUserId": actor,
            "userId": user_id,
            "kind": kind,
            "reason": SAID,
        }
        answer = _post(
            game.client, "/roblox/sanctions", body | {"occurredAt": timezone.now().isoformat()}
        )
        # A game may not act on an officer without approval. The request names them too.
        assert answer.json()["status"] == ("held" if user_id == USER else "applied"), answer.content
    at = timezone.now().isoformat()
    lines = [
        {"id": f"l-{number}-{USER}", "at": at, "kind": "chat", "text": f"{SAID}: {number}"}
        | ({"userId": user_id} if user_id else {})
        for number, user_id in enumerate((USER, OTHER, None))
    ]
    assert _post(game.client, "/roblox/audits", {"lines": lines}).json()["accepted"] == 3
    game.client.get(f"/roblox/players/{USER}")


def _in_the_console() -> None:
    """Act on them as owners and officers, and name them in acts on others."""
    owner, boss = owner_client("Olga_Owner"), client_as(Player.objects.get(user_id=BOSS))
    for address, fields in (
        (f"/admin/acts/note/{OTHER}/", {"text": SAID}),
        (f"/admin/acts/note/{USER}/", {"text": SAID}),
        (
            f"/admin/acts/warn/{OTHER}/",
            {"words": SAID, "evidence": f"https://clips.example/{NAME}/1"},
        ),
        (f"/admin/acts/warn/{USER}/", {"words": SAID, "evidence": f"https://clips.example/{USER}"}),
        (f"/admin/acts/adjust/{OTHER}/", {"words": SAID, "amount": "5"}),
        (f"/admin/acts/adjust/{USER}/", {"words": SAID, "amount": "5"}),
        (
            f"/admin/acts/ban/{OTHER}/",
            {"words": SAID, "duration": "good", "evidence": f"https://clips.example/{NAME}"},
        ),
    ):
        answer = boss.post(
            address, {"token": uuid4()} | fields, headers={"X-Request-ID": f"of-{USER}"}
        )
        assert answer.status_code == 302, (address, ERRORS.findall(answer.content.decode()))
    proposed = Decision.objects.get(player__user_id=OTHER, status="proposed")
    assert (
        boss.post(f"/admin/decisions/{proposed.pk}/", {"verb": "reject", "words": SAID}).status_code
        == 302
    )
    waiting = Approval.objects.get(status="waiting", act="ban")
    assert (
        owner.post(f"/admin/approvals/{waiting.pk}/", {"verb": "reject", "words": SAID}).status_code
        == 302
    )
    owner.post(
        "/admin/filters/players/", {"name": f"of {NAME}", "query": f"q={DISPLAY.replace(' ', '+')}"}
    )
    owner.get("/admin/palette/", {"q": NAME})
    for target in (f"user:{USER}", f"player:{NAME}"):
        assert owner.post("/admin/audit/export/", {"format": "csv", "target": target}).getvalue()


def _appeal() -> None:
    case = Sanction.objects.filter(player__user_id=USER).order_by("pk")[0]
    body = {
        "userId": USER,
        "case": case.code,
        "text": f"It was not me. {SAID}",
        "cf-turnstile-response": "a token",
    }
    answer = Client(REMOTE_ADDR=ADDRESS).post("/appeals", body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    theirs = Sanction.objects.filter(player__user_id=OTHER, kind="warning").order_by("pk")[0]
    body |= {"userId": OTHER, "case": theirs.code, "text": f"It was {SAID}"}
    assert Client().post("/appeals", body, content_type="application/json").status_code == 201


def _be_asked_for_a_role() -> None:
    now = timezone.now()
    olga, sven = _owner("Olga_Owner"), _owner("Sven_Owner")
    asked = role_grants.ask_grant(USER, "auditor", Command(by=olga, reason=SAID, now=now))
    from players.moderation import approvals

    approvals.approve(asked.pk, by=sven, reason=SAID, now=now)
    role_grants.ask_grant(USER, "integrator", Command(by=olga, reason=SAID, now=now))
    assert RoleGrant.objects.filter(user_id=USER).exists()


def _be_in_files(folder: Path) -> None:
    """Adjust them by a file at the shell, by a file in the console, and by HTTP."""
    file = folder / "prizes.csv"
    file.write_text(f"userId,amount,reason\n{USER},1,{NAME}\n{OTHER},1,for {NAME}\n")
    call_command("adjust", "file", str(file), "--reason", SAID, "--yes", stdout=StringIO())
    owner = owner_client("Olga_Owner")
    sent = SimpleUploadedFile(f"{NAME}.csv", f"userId,amount\n{USER},2\n{OTHER},2".encode())
    answer = owner.post(
        "/admin/adjustments/new/", {"file": sent, "reason": SAID, "token": str(uuid4())}
    )
    assert answer.status_code == 302
    body = {
        "reason": SAID,
        "rows": [{"userId": USER, "amount": 3, "reason": SAID}, {"userId": OTHER, "amount": 3}],
    }
    content = json.dumps(body).encode()
    headers = request_signing.sign(
        django_settings.AUTOMATION_SIGNATURE_SECRET, "POST", "/adjustments", content
    )
    headers["Idempotency-Key"] = "weekly-9"
    answer = Client().generic(
        "POST", "/adjustments", content, content_type="application/json", headers=headers
    )
    assert answer.status_code == 202, answer.content
    tasks.apply_adjustments()
    assert AdjustmentRow.objects.filter(user_id=USER).count() == 3


def _be_in_mass_changes() -> None:
    from players.bulk import previews, row_executor
    from players.bulk.row_executor import BULK_JOBS

    now, olga = timezone.now(), _owner("Olga_Owner")
    for act, more in (
        ("warn", {"evidence": [f"https://clips.example/{NAME}"]}),
        ("note", {"text": SAID}),
    ):
        job = previews.preview(act, [USER, OTHER], more, Command(by=olga, reason=SAID, now=now))
        BULK_JOBS.start(job.pk, by=olga, now=now)
        row_executor.run(job.pk)
    previews.preview(
        "note", [OTHER], {"text": SAID}, Command(by=olga, reason=SAID, now=now)
    )  # never started
    assert BulkJob.objects.filter(done=2).count() == 2


def _be_told_of_outside(notifier: Sender) -> None:
    """Name them in a notification of Roblox that is no order, and in webhook deliveries."""
    assert (
        notifier.notify(
            "SubscriptionPurchased", {"Subscriber": {"UserId": USER, "Note": NAME}}
        ).status_code
        == 200
    )
    endpoint = WebhookEndpoint.objects.create(
        name=f"{NAME}'s room", kind="standard", address_sealed="x", events=["*"]
    )
    for event in (
        AuditEvent.objects.filter(action="player.warned", target_id=str(_ours(USER))).latest("pk"),
        AuditEvent.objects.filter(action="player.warned", target_id=str(_ours(OTHER))).latest("pk"),
    ):
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint, event=event, action=event.action, reason=f"answered: {USER}?"
        )
        call = {"call": uuid4(), "trigger": "event", "error": f"{NAME} is unknown"}
        WebhookAttempt.objects.create(
            delivery=delivery, request=SAID, response=f"{USER} is known", **call
        )


def _owner(name: str) -> Staff:
    found = rights_of(local_owner(name)).staff
    assert found is not None
    return found


def _ours(user_id: int) -> int:
    return Player.objects.get(user_id=user_id).pk


def _sign_in_in_vain() -> None:
    for name in (NAME, FORMER.lower()):
        form = {"login": name, "password": "a guess"}
        Client(REMOTE_ADDR=ADDRESS).post("/admin/sign-in/local/", form)
    assert AuditPersonal.objects.filter(
        field="address", value=ADDRESS, event__action="staff.sign_in_failed"
    ).exists()


def _look_at_them() -> None:
    public = Client(REMOTE_ADDR=ADDRESS)
    for path in (
        f"players/{USER}",
        f"players/{USER}/history",
        f"leaderboard/around/{USER}",
        f"players?search={NAME}",
    ):
        public.get(f"/{path}")


def _post(client: Client, path: str, body: Any) -> Any:
    answer = client.post(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer


def _go_on(after: dt.timedelta = dt.timedelta(0)) -> None:
    ErasureOrder.objects.filter(status="open").update(
        retry_at=timezone.now() - dt.timedelta(seconds=1)
    )
    while datastores.step(timezone.now() + after):
        pass


def _erased_at_robloxs_order(notifier: Sender) -> None:
    notifier.erase(USER, "n-1")
    assert tasks.carry_out_erasures() == 1


def _erased_by_hand(notifier: Sender) -> None:
    call_command(
        "player",
        "erase",
        str(USER),
        "--reason",
        f"message of 3 March about {NAME}",
        stdout=StringIO(),
    )


@pytest.mark.parametrize("erased", [_erased_at_robloxs_order, _erased_by_hand])
def test_nothing_of_a_person_who_stood_everywhere_is_found(
    planted: None,
    erased: Callable[[Sender], None],
    notifier: Sender,
    mirrors: tuple[Path, str],
    log: io.StringIO,
    settings: Any,
    world: World,
) -> None:
    before = in_tables(*WORDS)
    assert before >= {
        "adjustment_rows.reason", "adjustment_rows.user_id", "adjustments.reason", "appeals.text",
        "approvals.arguments", "approvals.decide_reason", "approvals.reason", "audit_personal.value",
        "audits.request_id", "auth_user.first_name", "bulk_jobs.arguments", "bulk_jobs.reason", "drifts.theirs",
        "game_commands.answer", "game_commands.command", "memberships.user_id", "mirrors.reason", "notes.text",
        "players.display_name", "players.user_id", "players.username", "roblox_notifications.payload",
        "role_grants.user_id", "sanctions.evidence", "sanctions.reason", "saved_filters.name", "saved_filters.query",
        "socialaccount_socialaccount.extra_data", "socialaccount_socialaccount.uid", "staff_accounts.roblox_id",
        "sync_jobs.error", "sync_jobs.steps", "usersessions_usersession.ip", "webhook_attempts.request",
        "webhook_deliveries.reason", "webhook_endpoints.name", "decisions.reason", "django_session.unpacked",
    }  # fmt: skip
    points = Player.objects.get(user_id=USER).points

    erased(notifier)
    left = sorted(in_tables(*WORDS))
    assert left == ["erasure_orders.user_id"], " ".join(left)
    _go_on()
    _go_on(LONG_AFTER)

    assert ErasureOrder.objects.get().status == "done"
    assert in_tables(*WORDS) == set()
    while seal_pending():
        pass
    audit_tasks.mirror()
    # No worker runs here: a task contains the id of its request, and expires after a minute.
    app.control.purge()
    assert in_valkey(*WORDS) == []
    assert holding(mirrors[0].read_text(), *WORDS) == []
    assert holding(Path(settings.AUDIT_SEAL_FILE).read_text(), *WORDS) == []
    assert holding(_exported(), *WORDS) == []
    assert holding(log.getvalue(), *WORDS) == []
    assert '"path": "/players/…"' in log.getvalue()
    assert verify().findings == []
    assert consistency.verify() == []
    assert Player.objects.get(username__startswith="erased-").points == points


def _exported() -> str:
    """Return every export as one text, after verifying the chain's export."""
    chain = StringIO()
    export.export(chain)
    assert offline.verify_export(chain.getvalue().splitlines(), trusted_keys()) == []
    owner = owner_client("Olga_Owner")
    files = [
        owner.post("/admin/audit/export/", {"format": form}).getvalue().decode()
        for form in ("csv", "jsonl")
    ]
    files += [
        owner.get(f"/admin/bulk/{job.pk}/rows.csv").getvalue().decode()
        for job in BulkJob.objects.all()
    ]
    return "\n".join([chain.getvalue(), *files])


def test_what_others_wrote_keeps_its_sense(planted: None, notifier: Sender) -> None:
    pk, officer = _ours(OTHER), _ours(USER)
    _erased_at_robloxs_order(notifier)
    left = "…, once …, alias … (https://www.roblox.com/users/…/profile)"
    assert Note.objects.filter(player=pk, text=left).count() == 3
    assert not Note.objects.filter(player=officer).exists()
    assert Appeal.objects.get(player=pk).text == f"It was {left}"
    own = Sanction.objects.filter(player=pk, issued_by=f"staff:{officer}")
    assert {one.reason for one in own} == {"seen by …", left}
    links = [one.evidence for one in Sanction.objects.filter(player=pk).exclude(evidence=[])]
    assert sorted(links) == [["https://clips.example/…"], ["https://clips.example/…/1"]]
    assert WebhookEndpoint.objects.get().name.startswith("…'s room ")
    assert Decimal(Player.objects.get(pk=pk).points) > 0
    assert User.objects.filter(account__roblox_id=BOSS).exists()


def test_a_role_for_an_erased_person_is_given_to_nobody(planted: None, notifier: Sender) -> None:
    asked = Approval.objects.get(act="role.grant", status="waiting")
    _erased_at_robloxs_order(notifier)
    asked.refresh_from_db()
    assert (asked.status, asked.arguments) == ("withdrawn", {"role": "integrator", "userId": "…"})
    assert RoleGrant.objects.get().user_id < 0
