"""Races of every act that reads before it writes: it happens once, and the others get a refusal.

To add one: a function under `@race` that prepares the data and returns a Race.
"""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from console.accounts import adapters, role_grants
from console.models import RoleGrant, SavedFilter, SentForm, StaffAccount
from console.players import saved_filters
from grps_site.http import request_signing
from players.actions import game_log
from players.active_policy import active
from players.bulk import previews, row_executor
from players.bulk.row_executor import BULK_JOBS
from players.discipline import appeals, notes, sanctions
from players.leave import decisions as leave_decisions
from players.leave import requests as leave_requests
from players.leave.requests import Wish
from players.mass_adjustments import chunk_executor, file_previews, lifecycle
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import (
    Adjustment,
    Appeal,
    Approval,
    BulkJob,
    Claim,
    Decision,
    ErasureOrder,
    GameCommand,
    GuardTrip,
    Leave,
    LedgerEntry,
    Note,
    PolicyVersion,
    Quarantine,
    Recommendation,
    Sanction,
    Simulation,
)
from players.moderation import (
    approvals,
    assignments,
    experience_bounds,
    key_requests,
    velocity_limit,
)
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.points import adjustments, recommendations
from players.policy import bounds as rules
from players.policy.validation import FILES
from players.policy_changes import activation, simulations
from players.privacy import erasure, orders
from players.quarantines import resolution
from players.ranks import decisions
from roblox import experiences, keys
from roblox.models import Experience, ExperienceKey
from syncs import drift
from syncs import jobs as sync
from syncs.models import Drift, SyncJob
from tests import first_start
from tests.conftest import TESTER
from tests.console.people import client_as
from tests.players.discipline.conftest import ADMIRAL, COMMAND, MAJOR, MARSHAL, make
from tests.race.together import Attempt, at_once, lost, won
from tests.race.world import (
    GENERAL,
    OTHER,
    TARGET,
    Race,
    acting,
    adjusted,
    approve,
    call,
    order,
    owner,
    player,
    populate,
    shell,
    staff,
    told,
)
from tests.webhooks.inbound.conftest import SECRET, Sender, notification
from webhooks.endpoints import change_requests, services
from webhooks.endpoints.validation import EndpointInput
from webhooks.models import RobloxNotification, WebhookEndpoint

pytestmark = pytest.mark.django_db(transaction=True)
RACES: dict[str, Callable[[], Race]] = {}
WAITING = Approval.Status.WAITING


def race(prepare: Callable[[], Race]) -> Callable[[], Race]:
    RACES[prepare.__name__] = prepare
    return prepare


@pytest.fixture(autouse=True)
def _scene(settings: Any) -> None:
    settings.ROBLOX_WEBHOOK_SECRET = SECRET
    settings.WEBHOOK_ALLOWED_NETWORKS = django_settings.WEBHOOK_ALLOWED_NETWORKS
    first_start.bootstrap()
    populate()


def times(attempt: Attempt, count: int = 3) -> list[Attempt]:
    return [attempt] * count


# --- leave of absence
def _wish() -> Wish:
    return Wish(leave_requests.from_today(7, timezone.now()), "exams")


@race
def asking_for_leave() -> Race:
    return Race(
        times(lambda: leave_requests.ask(TARGET, _wish(), now=timezone.now())),
        lambda: (Leave.objects.count(), told("leave.requested")),
        (1, 1),
        told="already",
    )


@race
def granting_a_leave() -> Race:
    leave = leave_requests.ask(TARGET, _wish(), now=timezone.now())

    def grant(by: Staff) -> Attempt:
        return lambda: leave_decisions.approve(leave.pk, Command(**order(by)))

    return Race(
        [grant(by) for by in staff(MARSHAL, ADMIRAL, COMMAND)],
        lambda: (Leave.objects.get().status, told("leave.granted")),
        ("approved", 1),
        told="Nothing waits",
    )


# --- sanctions
@race
def suspending() -> Race:
    return Race(
        [acting(sanctions.suspend, TARGET, by=by) for by in staff(MAJOR, MARSHAL, ADMIRAL)],
        lambda: (Sanction.objects.count(), told("player.suspended"), player().rank.name),
        (1, 1, "Suspended"),
        told="suspended already",
    )


@race
def lifting() -> Race:
    sanctions.suspend(TARGET, Command(**order(shell())))
    return Race(
        [acting(sanctions.lift, TARGET, by=by) for by in staff(MAJOR, MARSHAL, ADMIRAL)],
        lambda: (told("player.reinstated"), player().rank.name),
        (1, "Captain I"),
        told="not suspended",
    )


@race
def lifting_as_it_ends_by_time() -> Race:
    sanctions.suspend(
        TARGET, Command(**order(shell())), until=timezone.now() + dt.timedelta(days=1)
    )
    late = timezone.now() + dt.timedelta(days=2)
    return Race(
        [
            acting(sanctions.lift, TARGET, by=staff(MAJOR)[0]),
            lambda: sanctions.end_due(late),
            lambda: sanctions.end_due(late),
        ],
        lambda: (told("player.reinstated"), player().rank.name),
        (1, "Captain I"),
        wins=None,
    )


@race
def warning_past_the_threshold() -> Race:
    for _ in range(3):
        sanctions.warn(TARGET, Command(**order(shell())))
    return Race(
        [acting(sanctions.warn, TARGET, by=by) for by in staff(MAJOR, MARSHAL, ADMIRAL)],
        lambda: (told("player.warned"), told("player.suspended")),
        (6, 1),
        wins=3,
    )


@race
def pardoning() -> Race:
    sanctions.warn(TARGET, Command(**order(shell())))
    warning = Sanction.objects.get().pk
    return Race(
        [acting(sanctions.pardon, warning, by=by) for by in staff(MAJOR, MARSHAL, ADMIRAL)],
        lambda: told("player.pardoned"),
        1,
        told="not active any more",
    )


@race
def asking_for_a_ban() -> Race:
    return Race(
        [acting(sanctions.ban, TARGET, by=by) for by in staff(ADMIRAL, COMMAND)],
        lambda: Approval.objects.filter(status=WAITING).count(),
        1,
        told="waits for approval already",
    )


@race
def lifting_a_ban() -> Race:
    sanctions.ban(TARGET, Command(**order(shell())))
    return Race(
        times(acting(sanctions.unban, TARGET, by=shell())),
        lambda: (told("player.unbanned"), player().banned),
        (1, False),
        told="not banned",
    )


# --- approvals
def _asked_ban() -> Approval:
    approval = sanctions.ban(TARGET, Command(**order(staff(ADMIRAL)[0]))).approval
    assert approval is not None
    return approval


@race
def approving() -> Race:
    approval = _asked_ban()
    return Race(
        [approve(approval, by) for by in (*staff(COMMAND), owner("olga"), owner("sven"))],
        lambda: (told("player.banned"), told("approval.approved")),
        (1, 1),
        told="approved already",
    )


@race
def deciding_in_every_way() -> Race:
    approval = _asked_ban()
    by = staff(ADMIRAL)[0]
    return Race(
        [
            approve(approval, owner("olga")),
            call(approvals.reject, approval.pk, by=owner("sven")),
            call(approvals.withdraw, approval.pk, by=by),
        ],
        lambda: (
            AuditEvent.objects.filter(action__startswith="approval.")
            .exclude(action="approval.requested")
            .count()
        ),
        1,
        told="already",
    )


@race
def approving_as_it_expires() -> Race:
    approval = _asked_ban()
    late = timezone.now() + dt.timedelta(days=8)
    return Race(
        [
            approve(approval, owner("olga")),
            lambda: approvals.expire(late),
            lambda: approvals.expire(late),
        ],
        lambda: told("approval.approved") + told("approval.expired"),
        1,
        wins=None,
    )


@race
def approving_points_past_the_limit() -> Race:
    held = adjustments.adjust(TARGET, 600_00, Command(**order(staff(ADMIRAL)[0]))).approval
    assert held is not None
    return Race(
        [approve(held, owner("olga")), approve(held, owner("sven")), approve(held, shell())],
        lambda: (player().adjusted, LedgerEntry.objects.count()),
        (600, 1),
        told="approved already",
    )


# --- ranks
@race
def proposing() -> Race:
    return Race(
        [
            acting(decisions.propose, TARGET, "Captain II", by=by)
            for by in staff(MAJOR, MARSHAL, ADMIRAL)
        ],
        lambda: Decision.objects.filter(status="proposed").count(),
        1,
        told="proposed already",
    )


@race
def deciding_on_a_proposal() -> Race:
    decision = decisions.propose(TARGET, "Captain II", Command(**order(staff(MAJOR)[0])))
    return Race(
        [
            call(decisions.approve, decision.pk, by=staff(ADMIRAL)[0]),
            call(decisions.approve, decision.pk, by=staff(COMMAND)[0]),
            call(decisions.reject, decision.pk, by=owner()),
        ],
        lambda: told("rank.set") + told("decision.rejected"),
        1,
        told="already",
    )


@race
def giving_a_rank() -> Race:
    return Race(
        [
            acting(decisions.set_rank, TARGET, "Captain II", by=by)
            for by in staff(MARSHAL, ADMIRAL, COMMAND)
        ],
        lambda: told("rank.set"),
        1,
        told="that rank already",
    )


@race
def reopening_a_rejected_proposal() -> Race:
    decision = decisions.propose(TARGET, "Captain II", Command(**order(staff(MAJOR)[0])))
    decisions.reject(decision.pk, **order(owner()))
    return Race(
        [acting(decisions.reopen, decision.pk, by=by) for by in staff(MAJOR, MARSHAL, ADMIRAL)],
        lambda: Decision.objects.filter(status="proposed").count(),
        1,
        told="already",
    )


@race
def recommending_a_player() -> Race:
    return Race(
        times(acting(recommendations.recommend, TARGET, by=staff(ADMIRAL)[0])),
        lambda: (Recommendation.objects.count(), LedgerEntry.objects.count()),
        (1, 1),
        told="already",
    )


@race
def taking_a_recommendation_back() -> Race:
    recommendations.recommend(TARGET, Command(**order(staff(ADMIRAL)[0])))
    given = Recommendation.objects.get().pk
    return Race(
        times(acting(recommendations.take_back, given, by=owner())),
        lambda: (Recommendation.objects.count(), player().adjusted),
        (0, 0),
        told="recommendation",
    )


@race
def withdrawing_a_note() -> Race:
    notes.write(TARGET, "watch them", Command(by=shell(), now=timezone.now()))
    note = Note.objects.get().pk
    return Race(
        times(lambda: notes.withdraw(note, Command(by=owner(), now=timezone.now()))),
        lambda: told("note.withdrawn"),
        1,
        told="withdrawn already",
    )


# --- the guard, the queue, appeals
@race
def letting_somebody_act_again() -> Race:
    by = staff(MAJOR)[0]
    velocity_limit.record_acts(by, timezone.now(), acts=20)
    sanctions.warn(TARGET, Command(**order(by)))
    return Race(
        [
            call(velocity_limit.release, by.person, by=owner(name))
            for name in ("olga", "sven", "ines")
        ],
        lambda: (told("guard.released"), GuardTrip.objects.filter(ended_at=None).count()),
        (1, 0),
        told="Nothing holds them up",
    )


@race
def tripping_the_guard() -> Race:
    by = staff(MAJOR)[0]
    velocity_limit.record_acts(by, timezone.now(), acts=19)
    return Race(
        times(acting(sanctions.warn, TARGET, by=by)),
        lambda: (told("player.warned"), told("guard.tripped"), Approval.objects.count()),
        (1, 1, 2),
        wins=3,
    )


@race
def taking_an_item_of_the_queue() -> Race:
    return Race(
        [
            lambda by=by: assignments.claim("appeal", "1", by=by, now=timezone.now())
            for by in staff(MAJOR, MARSHAL, ADMIRAL)
        ],
        lambda: Claim.objects.count(),
        1,
        told="claimed it",
    )


@race
def letting_an_item_of_the_queue_go() -> Race:
    by = staff(MAJOR)[0]
    assignments.claim("appeal", "1", by=by, now=timezone.now())
    return Race(
        times(lambda: assignments.release("appeal", "1", by=by)),
        lambda: Claim.objects.count(),
        0,
        told="do not hold",
    )


def _sanctioned() -> Sanction:
    sanctions.warn(TARGET, Command(**order(staff(MAJOR)[0])))
    return Sanction.objects.get()


@race
def appealing() -> Race:
    code, text = _sanctioned().code, "I was not even there that evening."
    return Race(
        times(lambda: appeals.open_(TARGET, code, text, now=timezone.now())),
        lambda: (Appeal.objects.count(), told("appeal.opened")),
        (1, 1),
        told="made already",
    )


@race
def deciding_on_an_appeal() -> Race:
    code = _sanctioned().code
    appeal, _ = appeals.open_(
        TARGET, code, "I was not even there that evening.", now=timezone.now()
    )
    by = staff(ADMIRAL)[0]
    assignments.claim(appeals.KIND, str(appeal.pk), by=by, now=timezone.now())
    granting = lambda: appeals.approve(appeal.pk, "you are right", by=by, now=timezone.now())  # noqa: E731
    return Race(
        [granting, granting, lambda: appeals.reject(appeal.pk, "no", by=by, now=timezone.now())],
        lambda: told("appeal.approved") + told("appeal.rejected"),
        1,
        told="already",
    )


@race
def granting_an_appeal_while_acting_on_the_same_player() -> Race:
    code = _sanctioned().code
    appeal, _ = appeals.open_(
        TARGET, code, "I was not even there that evening.", now=timezone.now()
    )
    by = staff(ADMIRAL)[0]
    assignments.claim(appeals.KIND, str(appeal.pk), by=by, now=timezone.now())
    return Race(
        [
            lambda: appeals.approve(appeal.pk, "you are right", by=by, now=timezone.now()),
            acting(sanctions.warn, TARGET, by=by),
            acting(adjustments.adjust, TARGET, 1_00, by=by),
        ],
        lambda: (told("appeal.approved"), told("player.warned"), player().adjusted),
        (1, 2, 1),
        wins=3,
    )


# --- access
@race
def asking_for_a_role() -> Race:
    return Race(
        [
            acting(role_grants.ask_grant, TARGET, "auditor", by=owner(name))
            for name in ("olga", "sven", "ines")
        ],
        lambda: Approval.objects.count(),
        1,
        told="asked for already",
    )


@race
def giving_a_role() -> Race:
    approval = role_grants.ask_grant(TARGET, "auditor", Command(**order(owner())))
    before = told("access.granted")
    return Race(
        [
            approve(approval, owner("sven")),
            approve(approval, owner("ines")),
            acting(role_grants.grant, TARGET, "auditor", by=shell()),
            acting(role_grants.grant, TARGET, "auditor", by=shell()),
        ],
        lambda: (RoleGrant.objects.count(), told("access.granted") - before),
        (1, 1),
        told="already",
    )


@race
def taking_a_role_away() -> Race:
    role_grants.grant(TARGET, "auditor", Command(**order(shell())))
    return Race(
        times(acting(role_grants.revoke, TARGET, "auditor", by=shell())),
        lambda: told("access.revoked"),
        1,
        told="no such role",
    )


@race
def signing_in_with_roblox_for_the_first_time() -> Race:
    return Race(
        times(lambda: adapters._user_of(TARGET, "player_1")),
        lambda: StaffAccount.objects.filter(roblox_id=TARGET).count(),
        1,
        wins=3,
    )


@race
def asking_for_a_key() -> Race:
    nexus = Experience.objects.get(key="nexus")
    return Race(
        [
            call(key_requests.ask, key_requests.CREATE, nexus, {"days": None}, by=owner("olga")),
            call(key_requests.ask, key_requests.CREATE, nexus, {"days": None}, by=owner("sven")),
            call(
                key_requests.ask, key_requests.ROTATE, nexus, {"overlapHours": 1}, by=owner("ines")
            ),
        ],
        lambda: Approval.objects.count(),
        1,
        told="asked for already",
    )


@race
def collecting_a_key() -> Race:
    nexus = Experience.objects.get(key="nexus")
    approval = key_requests.ask(key_requests.CREATE, nexus, {"days": None}, **order(owner()))
    approve(approval, owner("sven"))()
    return Race(
        times(lambda: key_requests.collect(approval.pk, by=owner(), now=timezone.now())),
        lambda: (ExperienceKey.objects.count(), told("key.created")),
        (1, 1),
        told="collected already",
    )


@race
def revoking_a_key() -> Race:
    key, _ = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)
    return Race(
        times(lambda: keys.revoke(key, actor=TESTER, reason="leaked")),
        lambda: told("key.revoked"),
        1,
        wins=None,
    )


@race
def switching_writes_off() -> Race:
    return Race(
        times(lambda: experiences.set_writes("nexus", False, actor=TESTER, reason="a test")),
        lambda: told("experience.changed"),
        1,
        wins=None,
    )


@race
def asking_for_looser_bounds() -> Race:
    Experience.objects.filter(key="nexus").update(bounds=rules.written(rules.Terms({})))
    return Race(
        [call(experience_bounds.ask, "nexus", by=owner(name)) for name in ("olga", "sven", "ines")],
        lambda: Approval.objects.count(),
        1,
        told="asked for already",
    )


# --- endpoints
WANTED = EndpointInput(
    name="portal", kind="standard", address="https://93.184.216.34/hook", events=["rank.*"]
)


def _endpoint() -> WebhookEndpoint:
    return services.create(WANTED, actor=TESTER)[0]


@race
def asking_for_an_endpoint() -> Race:
    return Race(
        [
            acting(change_requests.ask_add, WANTED, by=owner(name))
            for name in ("olga", "sven", "ines")
        ],
        lambda: Approval.objects.count(),
        1,
        told="asked for already",
    )


@race
def adding_an_endpoint() -> Race:
    return Race(
        times(lambda: services.create(WANTED, actor=TESTER)),
        lambda: (WebhookEndpoint.objects.count(), told("endpoint.created")),
        (1, 1),
        told="there is an endpoint",
    )


@race
def changing_an_endpoint_and_rotating_its_secret() -> Race:
    endpoint = _endpoint()
    moved = EndpointInput(
        name="portal", kind="standard", address="https://93.184.216.34/other", events=["rank.*"]
    )
    change = change_requests.ask_change(endpoint, moved, Command(**order(owner("olga"))))
    rotate, _ = change_requests.ask_rotate(
        endpoint, endpoint.version, Command(**order(owner("sven")))
    )
    assert change is not None
    return Race(
        [approve(change, owner("ines")), approve(rotate, owner("ines"))],
        lambda: told("endpoint.changed") + told("secret.rotated"),
        1,
        told="changed or deleted since",
    )


@race
def disabling_an_endpoint() -> Race:
    pk = _endpoint().pk
    return Race(
        times(lambda: services.disable(pk, actor=TESTER, reason="a test")),
        lambda: told("endpoint.disabled"),
        1,
        told="disabled already",
    )


@race
def enabling_an_endpoint() -> Race:
    pk = _endpoint().pk
    services.disable(pk, actor=TESTER, reason="a test")
    return Race(
        times(lambda: services.enable(pk, actor=TESTER, reason="a test")),
        lambda: told("endpoint.enabled"),
        1,
        told="active already",
    )


@race
def deleting_an_endpoint() -> Race:
    pk = _endpoint().pk
    return Race(
        times(lambda: services.delete(pk, actor=TESTER, reason="a test")),
        lambda: (WebhookEndpoint.objects.count(), told("endpoint.deleted")),
        (0, 1),
        told="deleted",
    )


# --- the policy
def _documents() -> dict[str, str]:
    found = json.loads(json.dumps(PolicyVersion.objects.get(is_active=True).documents))
    found["points"]["events"]["training"]["weight"] = 30
    return {name: json.dumps(found[name]) for name in FILES}


def _other_version() -> PolicyVersion:
    version = activation.add(_documents(), **order(owner()))
    simulations.begin(version.number, by=owner(), now=timezone.now())
    simulations.run_due()
    return version


@race
def keeping_a_version_of_the_policy() -> Race:
    texts = _documents()
    return Race(
        [call(activation.add, texts, by=owner(name)) for name in ("olga", "sven", "ines")],
        lambda: (PolicyVersion.objects.count(), told("policy.added")),
        (2, 1),
        wins=3,
    )


@race
def simulating_a_version_of_the_policy() -> Race:
    number = activation.add(_documents(), **order(owner())).number
    return Race(
        [
            lambda by=by: simulations.begin(number, by=by, now=timezone.now())
            for by in (owner("olga"), owner("sven"))
        ],
        lambda: Simulation.objects.count(),
        1,
        wins=2,
    )


@race
def asking_for_a_version_of_the_policy() -> Race:
    number = _other_version().number
    return Race(
        [
            call(activation.ask_activation, number, by=owner(name))
            for name in ("olga", "sven", "ines")
        ],
        lambda: Approval.objects.count(),
        1,
        told="second owner already",
    )


@race
def putting_a_version_of_the_policy_in_force() -> Race:
    version = _other_version()
    approval = activation.ask_activation(version.number, **order(owner()))
    before = told("policy.activated")
    return Race(
        [approve(approval, owner("sven")), approve(approval, owner("ines"))],
        lambda: (told("policy.activated") - before, active().number),
        (1, version.number),
        told="approved already",
    )


# --- mass changes and files
@race
def starting_a_mass_change() -> Race:
    by = owner()
    job = previews.preview("warn", [TARGET, OTHER], {}, Command(**order(by)))
    return Race(
        times(lambda: BULK_JOBS.start(job.pk, by=by, now=timezone.now())),
        lambda: told("bulk.started"),
        1,
        wins=None,
    )


@race
def carrying_out_a_mass_change() -> Race:
    by = owner()
    job = previews.preview("adjust", [TARGET, OTHER], {"amount": 10_00}, Command(**order(by)))
    BULK_JOBS.start(job.pk, by=by, now=timezone.now())
    return Race(
        [
            *times(lambda: row_executor.run(job.pk)),
            lambda: BULK_JOBS.start(job.pk, by=by, now=timezone.now()),
            acting(adjustments.adjust, OTHER, 1_00, by=by),
        ],
        lambda: (player(TARGET).adjusted, player(OTHER).adjusted),
        (10, 11),
        wins=None,
    )


@race
def approving_a_mass_change() -> Race:
    by = staff(GENERAL)[0]
    by = type(by)(by.actor, by.rank, by.user_id, rights=frozenset({"console.bulk"}))
    job = previews.preview("adjust", [TARGET, OTHER], {"amount": 300_00}, Command(**order(by)))
    approval = BULK_JOBS.start(job.pk, by=by, now=timezone.now()).approval
    assert approval is not None
    return Race(
        [
            approve(approval, owner("olga")),
            approve(approval, owner("sven")),
            lambda: BULK_JOBS.start(job.pk, by=by, now=timezone.now()),
        ],
        lambda: (told("bulk.started"), BulkJob.objects.get().status),
        (1, "running"),
        wins=None,
    )


def _file(amount: int = 10_00) -> Adjustment:
    rows = [FileRow(2, TARGET, amount)]
    return file_previews.preview(rows, by=owner(), reason="a test", now=timezone.now())


@race
def taking_in_a_file_under_one_key() -> Race:
    return Race(
        times(
            lambda: file_previews.preview(
                [FileRow(2, TARGET, 10_00)],
                by=owner(),
                reason="a test",
                idempotency_key="once",
                now=timezone.now(),
            )
        ),
        lambda: (Adjustment.objects.count(), told("adjustment.previewed")),
        (1, 1),
        wins=3,
    )


@race
def starting_a_file() -> Race:
    pk = _file().pk
    return Race(
        [
            *times(lambda: ADJUSTMENTS.start(pk, by=owner(), now=timezone.now())),
            lambda: chunk_executor.run(pk),
        ],
        lambda: (chunk_executor.run_due(), player().adjusted)[1],
        10,
        wins=None,
    )


@race
def deciding_on_a_file() -> Race:
    pk = _file(1_000_01).pk
    assert ADJUSTMENTS.start(pk, by=owner(), now=timezone.now()).status == "waiting"
    return Race(
        [
            call(lifecycle.approve, pk, by=owner("sven")),
            call(lifecycle.approve, pk, by=owner("ines")),
            call(lifecycle.reject, pk, by=owner("ines")),
            call(lifecycle.reject, pk, by=owner("olga")),
        ],
        lambda: told("adjustment.approved") + told("adjustment.rejected"),
        1,
        told="already",
    )


@race
def inverting_a_file() -> Race:
    pk = _file().pk
    ADJUSTMENTS.start(pk, by=owner(), now=timezone.now())
    chunk_executor.run_due()
    return Race(
        [call(file_previews.preview_undo, pk, by=owner(name)) for name in ("olga", "sven", "ines")],
        lambda: Adjustment.objects.filter(inverse_of=pk).count(),
        1,
        told="inverted already",
    )


# --- Roblox
def _drift(aspect: str = "role", **theirs: Any) -> int:
    return Drift.objects.create(
        aspect=aspect,
        subject=str(TARGET),
        player=player(),
        experience=Experience.objects.get(key="nexus") if aspect == "restriction" else None,
        theirs=theirs,
        ours={},
    ).pk


@race
def taking_over_a_restriction() -> Race:
    pk = _drift("restriction", active=True, until=None)
    return Race(
        [acting(drift.adopt, pk, by=by) for by in (*staff(ADMIRAL, COMMAND), owner())],
        lambda: (told("player.banned"), told("drift.resolved")),
        (1, 1),
        told="resolved already",
    )


@race
def taking_over_and_pushing_a_difference() -> Race:
    pk = _drift("restriction", active=True, until=None)
    return Race(
        [acting(drift.adopt, pk, by=owner("olga")), acting(drift.push, pk, by=owner("sven"))],
        lambda: told("drift.resolved"),
        1,
        told="resolved already",
    )


@race
def asking_for_a_sync_job() -> Race:
    nexus = Experience.objects.get(key="nexus")
    return Race(
        times(lambda: sync.request("points", nexus, actor=TESTER)),
        lambda: (SyncJob.objects.count(), told("sync.requested")),
        (1, 1),
        wins=3,
    )


@race
def ordering_an_erasure() -> Race:
    return Race(
        times(lambda: orders.order("n-1", TARGET, [1], actor=TESTER, now=timezone.now())),
        lambda: (ErasureOrder.objects.count(), told("erasure.ordered")),
        (1, 1),
        wins=3,
    )


@race
def erasing_a_player_while_somebody_acts_on_them() -> Race:
    return Race(
        [
            call(erasure.erase, TARGET, by=shell()),
            call(erasure.erase, TARGET, by=shell()),
            acting(adjustments.adjust, TARGET, 10_00, by=owner()),
        ],
        lambda: told("player.erased"),
        1,
        wins=None,
    )


def _notify() -> Any:
    body = notification(
        "RightToErasureRequest", {"UserId": 999, "GameIds": [1]}, "one-notification"
    )
    answer = Sender().send(body)
    assert answer.status_code == 200, answer.content
    return answer


@race
def a_notification_of_roblox() -> Race:
    return Race(
        times(_notify),
        lambda: (RobloxNotification.objects.count(), ErasureOrder.objects.count()),
        (1, 1),
        wins=3,
    )


# --- games, programs and browsers
def _command(raw: str, **changes: Any) -> dict[str, Any]:
    body = {
        "id": "c-1",
        "actorUserId": ADMIRAL,
        "userId": TARGET,
        "kind": "adjust",
        "amount": 10,
        "reason": "seen it",
    }
    body |= {"occurredAt": timezone.now().isoformat()} | changes
    answer = Client(headers={"x-grps-api-key": raw}).post(
        "/roblox/sanctions", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


@race
def a_command_of_a_game() -> Race:
    raw = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]
    return Race(
        times(lambda: _command(raw), 4),
        lambda: (player().adjusted, GameCommand.objects.count(), told("points.adjusted")),
        (10, 1, 1),
        wins=4,
    )


@race
def commands_up_to_what_an_experience_may_move_in_a_day() -> Race:
    """Six acts of 500 points at once, for two officers: five are within the daily 2,500."""
    make(908, "Supreme Council")
    raw = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]
    return Race(
        [
            lambda number=number: _command(
                raw,
                id=f"c-{number}",
                amount=500,
                actorUserId=COMMAND if number % 2 else 908,
                userId=TARGET if number % 3 else OTHER,
            )
            for number in range(6)
        ],
        lambda: (player(TARGET).adjusted + player(OTHER).adjusted, Approval.objects.count()),
        (2500, 1),
        wins=6,
    )


@race
def lines_of_a_game_log() -> Race:
    line = game_log.LogLine("l-1", timezone.now(), "chat", "somebody said something")
    return Race(
        times(lambda: game_log.store_log_lines("nexus", [line])),
        lambda: (GameCommand.objects.count(), told("game.reported")),
        (1, 1),
        wins=3,
    )


def _signed(path: str, body: dict[str, Any], headers: dict[str, str]) -> int:
    return (
        Client()
        .post(path, json.dumps(body), content_type="application/json", headers=headers)
        .status_code
    )


@race
def a_signed_call_sent_again() -> Race:
    body = {"reason": "a test", "rows": [{"userId": TARGET, "amount": 1}]}
    headers = request_signing.sign(
        django_settings.AUTOMATION_SIGNATURE_SECRET,
        "POST",
        "/adjustments",
        json.dumps(body).encode(),
    )
    answers: list[int] = []
    return Race(
        times(
            lambda: answers.append(
                _signed("/adjustments", body, headers | {"Idempotency-Key": "a-key"})
            ),
            4,
        ),
        lambda: (sorted(answers), Adjustment.objects.count()),
        ([202, 401, 401, 401], 1),
        wins=None,
    )


@race
def adjustments_under_one_idempotency_key() -> Race:
    body = {"reason": "a test", "rows": [{"userId": TARGET, "amount": 1}]}

    def send() -> int:
        content = json.dumps(body).encode()
        headers = request_signing.sign(
            django_settings.AUTOMATION_SIGNATURE_SECRET, "POST", "/adjustments", content
        )
        return _signed("/adjustments", body, headers | {"Idempotency-Key": "a-key"})

    return Race(
        times(send),
        lambda: (chunk_executor.run_due(), Adjustment.objects.count(), player().adjusted)[1:],
        (1, 1),
        wins=3,
    )


@race
def a_dialog_sent_twice() -> Race:
    browsers = [client_as(player(ADMIRAL)) for _ in range(3)]
    token = str(uuid.uuid4())
    sent = {"token": token, "words": "seen it", "amount": "10"}
    return Race(
        [
            lambda one=one: one.post(f"/admin/acts/adjust/{TARGET}/", sent).status_code
            for one in browsers
        ],
        lambda: (player().adjusted, SentForm.objects.count()),
        (10, 1),
        wins=3,
    )


@race
def asking_about_a_quarantine() -> Race:
    opened = {"experience": "nexus", "source": "nexus", "event": 1, "opened_at": timezone.now()}
    found = Quarantine.objects.create(
        cause={"what": "acts", "count": 9, "limit": 8, "seconds": 60}, **opened
    )
    asked = [
        (resolution.RELEASE, "olga"),
        (resolution.DISCARD, "sven"),
        (resolution.RELEASE, "ines"),
    ]
    return Race(
        [call(resolution.ask, act, found.pk, by=owner(name)) for act, name in asked],
        lambda: Approval.objects.filter(status="waiting").count(),
        1,
        told="asked",
    )


@race
def saving_a_filter() -> Race:
    return Race(
        times(lambda: saved_filters.save("players", "mine", "rank=1", by=owner())),
        lambda: SavedFilter.objects.count(),
        1,
        wins=3,
    )


@race
def undoing_in_two_browsers() -> Race:
    event = adjusted()
    browsers = [client_as(player(user_id)) for user_id in (ADMIRAL, COMMAND)]
    return Race(
        [
            lambda one=one: one.post(f"/admin/revert/{event}/", {"reason": "a mistake"}).status_code
            for one in browsers
        ],
        lambda: (player().adjusted, AuditEvent.objects.filter(reverts=event).count()),
        (0, 1),
        wins=2,
    )


@pytest.mark.parametrize("name", RACES)
def test_it_happens_once(name: str) -> None:
    one = RACES[name]()
    found = at_once(*one.attempts)
    if one.wins is not None:
        assert len(won(found)) == one.wins, found
    assert [said for said in lost(found) if one.told not in said] == []
    assert one.effect() == one.expected
