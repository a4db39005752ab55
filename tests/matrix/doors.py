"""The entry points of the matrix.

To add one: a class with `acts`, `people` and `attempt`, and a line in DOORS.
"""

import datetime as dt
import itertools
import json
import os
import re
import uuid
from collections.abc import Callable
from html import unescape
from io import StringIO
from typing import Any, Protocol

import msgspec
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone

from audits.models import AuditEvent
from audits.record import Actor
from common.errors import NotAllowed, Refused
from common.leases import claim
from console.accounts.permissions import of_roblox, rights_of
from console.models import StaffAccount
from discord import links
from discord.interactions import limits, pending
from discord.models import PendingInteraction
from players.actions import undo
from players.actions.registry import INVERSES
from players.bulk import previews, row_executor
from players.bulk.row_executor import BULK_JOBS
from players.discipline import notes, sanctions
from players.leave import decisions as leave_decisions
from players.mass_adjustments import chunk_executor, file_previews
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment, Approval, BulkJob, Decision, Player, Sanction
from players.moderation import approvals, velocity_limit
from players.moderation.actors import Staff, at_the_shell, officer
from players.moderation.command import ActionResult, Command
from players.points import adjustments, recommendations
from players.policy.bounds import Bounds
from players.policy.leave import LeaveDays
from players.quotas import exemptions
from players.ranks import decisions, locks
from roblox.models import Experience
from tests.console.people import client_as, owner_client
from tests.discord.interactions import signed
from tests.matrix.ladder import (
    ALLOWED,
    AMOUNTS,
    ENTITLES,
    GAME_AMOUNT,
    HELD,
    LIMIT,
    NAMES_RANK,
    PEOPLE,
    RANKED,
    REFUSED,
    Case,
)

Order = dict[str, Any]
ACTOR, TARGET = 100, 200  # Roblox user ids
DISCORD_ACCOUNT = 900  # of the actor
NUMBERS = itertools.count(1)
OF_LADDER = tuple(
    person for person in PEOPLE if person not in {"an owner without a rank", "the operator"}
)

# One person for each set of permissions: a request costs many times as much as a call of the rule.
ONE_OF_EACH = (
    "Captain II",
    "Tempest Major",
    "Electro Colonel",
    "Brigadier General",
    "Supreme Admirals",
    "Imperator",
    "a suspended Imperator",
    "a banned Imperator",
)
# Judged as what they lift, so not every entry point need try them.
LIFTS = {"unlock-promotions", "allow-rank"}
FEW = OF_LADDER if os.environ.get("GRPS_LONG") else ONE_OF_EACH


class Door(Protocol):
    """An entry point. `acts` and `people`: what can be tried through it, and by whom."""

    acts: tuple[str, ...]
    people: tuple[str, ...]

    def expects(self, case: Case) -> str:
        """Return the expected outcome of a case at this entry point."""

    def prepare(self, case: Case, user_id: int) -> None:
        """Prepare the attempt after the two players are set."""

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        """Try the act on the player. Returns ALLOWED, HELD or REFUSED, and the message."""


class ByTheRules:
    """Expects what the rules of the ladder say."""

    def expects(self, case: Case) -> str:
        return case.expected

    def prepare(self, case: Case, user_id: int) -> None:
        return


class Rule(ByTheRules):
    """The functions that every entry point calls."""

    acts = tuple(ENTITLES)
    people = PEOPLE

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        try:
            done = RULES[case.act](
                case, user_id, {"by": staff(case), "reason": "seen it", "now": timezone.now()}
            )
        except Refused as refusal:
            return REFUSED, str(refusal)
        if isinstance(done, Decision):
            return ALLOWED, str(done)
        return HELD if done.approval else ALLOWED, done.sentence


class Game(ByTheRules):
    """POST /roblox/sanctions."""

    acts = tuple(
        act
        for act in ENTITLES
        if act not in {"promote", "promote to one's own rank", "demote", "grant-leave", "exempt"}
    )
    people = FEW

    def __init__(self, api_key: str) -> None:
        self.client = Client(headers={"x-grps-api-key": api_key})

    def expects(self, case: Case) -> str:
        past = AMOUNTS.get(case.act, 0) > GAME_AMOUNT
        return HELD if past and case.expected == ALLOWED else case.expected

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        body = {
            "id": f"m-{next(NUMBERS)}",
            "actorUserId": ACTOR,
            "userId": user_id,
            "kind": case.act,
        }
        if case.act in AMOUNTS:
            body |= {"kind": "adjust", "amount": AMOUNTS[case.act]}
        if case.act in {"propose", *NAMES_RANK}:
            body |= {"rank": case.to}
        body |= {"reason": "seen it", "occurredAt": timezone.now().isoformat()}
        answer = self.client.post(
            "/roblox/sanctions", json.dumps(body), content_type="application/json"
        )
        assert answer.status_code == 200, answer.content
        said = answer.json()
        return {"applied": ALLOWED, "held": HELD, "refused": REFUSED}[said["status"]], said[
            "detail"
        ]


class BoundedGame(Game):
    """POST /roblox/sanctions, from an experience whose acts all wait for the officer's approval."""

    acts = tuple(act for act in Game.acts if act not in LIFTS)

    def expects(self, case: Case) -> str:
        return HELD if case.expected == ALLOWED else case.expected

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        Experience.objects.filter(key="nexus").update(
            bounds=msgspec.to_builtins(Bounds(acts=()).terms)
        )
        return super().attempt(case, user_id)


class Discord(ByTheRules):
    """Commands in Discord, from the signed request to the worker's answer."""

    acts = ("warn", "suspend", "note", *AMOUNTS)
    people = FEW

    def __init__(self, api_key: str) -> None:
        self.discord = signed.Discord()
        self.settings = override_settings(
            DISCORD_APPLICATION_ID=signed.APPLICATION,
            DISCORD_GUILD_ID=signed.GUILD,
            DISCORD_PUBLIC_KEY=self.discord.public_key,
        )

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        links.link(ACTOR, DISCORD_ACCOUNT)
        limits.commands.forget()
        name = "adjust" if case.act in AMOUNTS else case.act
        amount = {"points": AMOUNTS[case.act]} if case.act in AMOUNTS else {}
        words = {"text" if name == "note" else "reason": "seen it"}
        with self.settings:
            self.discord.command(DISCORD_ACCOUNT, name, player=str(user_id), **amount, **words)
        (row,) = claim(PendingInteraction.objects.filter(finished_at=None), 1)
        assert pending.carry_out(row)
        said = str(row.answer)
        if "/admin/players/" not in said:  # only what was done leads to the case file
            return REFUSED, said
        held = Approval.objects.filter(player__user_id=user_id, status="waiting").exists()
        return HELD if held else ALLOWED, said


class Shell(ByTheRules):
    """`manage.py player`. The person who runs it is the operator."""

    acts = tuple(act for act in ENTITLES if act != "recommend")
    people = ("the operator",)

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        said = StringIO()
        try:
            call_command("player", *self._words(case, user_id), "--reason", "seen it", stdout=said)
        except CommandError as error:
            return REFUSED, str(error)
        return ALLOWED, said.getvalue()

    def _words(self, case: Case, user_id: int) -> list[str]:
        if case.act in AMOUNTS:
            return ["adjust", str(user_id), str(AMOUNTS[case.act])]
        if case.act == "pardon":
            return ["pardon", str(warning_of(user_id))]
        if case.act in {"promote", "promote to one's own rank", "demote"}:
            return ["rank", str(user_id), case.to]
        more = {
            "propose": [case.to],
            "deny-rank": [case.to],
            "allow-rank": [case.to],
            "grant-leave": [str(timezone.now().date())],
        }
        return [case.act, str(user_id), *more.get(case.act, [])]


class Console(ByTheRules):
    """The act dialogs, in the person's browser."""

    acts = tuple(ENTITLES)
    people = (*FEW, "an owner without a rank")

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        browser = client_as(player_of(ACTOR)) if case.bound else owner_client("olga")
        address, fields = self._form(case, user_id)
        answer = browser.post(
            address, {"token": uuid.uuid4(), "words": "seen it", "text": "seen it"} | fields
        )
        if answer.status_code == 302:
            held = Approval.objects.filter(player__user_id=user_id, status="waiting").exists()
            return HELD if held else ALLOWED, ""
        assert answer.status_code in {200, 403}, answer.status_code
        if answer.status_code == 403:
            has_access = hasattr(answer.wsgi_request, "staff")
            return REFUSED, "You may not: no right" if has_access else "no access"
        why_not = re.search(r"You may not[^<]*", unescape(answer.content.decode()))
        if why_not:  # an impossible dialog shows the reason instead of its form
            return REFUSED, why_not[0]
        errors = re.findall(r'<ul class="errorlist.*?</ul>', answer.content.decode(), re.DOTALL)
        return REFUSED, " ".join(re.sub(r"<[^>]+>", " ", unescape(" ".join(errors))).split())

    def _form(self, case: Case, user_id: int) -> tuple[str, dict[str, Any]]:
        if case.act in AMOUNTS:
            return f"/admin/acts/adjust/{user_id}/", {"amount": AMOUNTS[case.act]}
        if case.act == "pardon":
            return f"/admin/acts/pardon/{user_id}/{warning_of(user_id)}/", {}
        if case.act in {"promote", "promote to one's own rank", "demote"}:
            return f"/admin/acts/rank/{user_id}/", {"rank": case.to}
        if case.act == "grant-leave":
            today = timezone.now().date()
            return f"/admin/acts/grant-leave/{user_id}/", {"first": today, "last": today}
        if case.act in {"propose", *NAMES_RANK}:
            return f"/admin/acts/{case.act}/{user_id}/", {"rank": case.to}
        return f"/admin/acts/{case.act}/{user_id}/", {"duration": "7"}


class Bulk(ByTheRules):
    """A mass change of one player, from the preview to the result, with the console's rights."""

    acts = tuple(
        act
        for act in ENTITLES
        if act not in {"ban", "unban", "grant-leave", "exempt"} and act not in LIFTS
    )
    people = (*(person for person in FEW if person != "Tempest Major"), "an owner without a rank")

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        act = "adjust" if case.act in AMOUNTS else case.act
        act = act if act in {"adjust", "propose"} or case.act not in RANKED else "rank"
        by, now = console_staff(case), timezone.now()
        if by is None:
            return REFUSED, "no access"
        given = {"amount": AMOUNTS.get(case.act, 0) * 100, "rank": case.to, "text": "seen it"}
        try:
            job = previews.preview(act, [user_id], given, Command(by=by, reason="seen it", now=now))
            job = BULK_JOBS.start(job.pk, by=by, now=now)
        except Refused as refusal:
            return REFUSED, str(refusal)
        if job.status == BulkJob.Status.WAITING:
            return HELD, job.second
        row_executor.run(job.pk)
        row = job.lines.get()
        return {"done": ALLOWED, "held": HELD, "skipped": REFUSED}[row.status], row.note


class File(ByTheRules):
    """An adjustment of one player by file, from preview to result, with the console's rights."""

    acts = tuple(AMOUNTS)
    people = (*FEW, "an owner without a rank")

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        by, now = console_staff(case), timezone.now()
        if by is None:
            return REFUSED, "no access"
        rows = [FileRow(1, user_id, AMOUNTS[case.act] * 100)]
        try:
            made = file_previews.preview(rows, by=by, reason="seen it", now=now)
            made = ADJUSTMENTS.start(made.pk, by=by, now=now)
        except Refused as refusal:
            return REFUSED, str(refusal)
        if made.status == Adjustment.Status.WAITING:
            return HELD, ""
        chunk_executor.run(made.pk)
        row = made.lines.get()
        return (ALLOWED if row.status == "applied" else REFUSED), row.note


class Undo(ByTheRules):
    """Undo of an event that the operator caused. It is judged as the opposite act."""

    acts = ("warn", "pardon", "suspend", "lift", "ban", "unban", *AMOUNTS)
    people = (*FEW, "an owner without a rank")

    def prepare(self, case: Case, user_id: int) -> None:
        by_operator: Order = {"by": at_the_shell(), "reason": "a mistake", "now": timezone.now()}
        Sanction.objects.filter(player__user_id=user_id).update(
            lifted_at=timezone.now(), lifted_by="system:test"
        )
        Player.objects.filter(user_id=user_id).update(banned=False)
        suspended = Player.objects.get(user_id=user_id).former_rank_id is not None
        if suspended:
            self._suspend(user_id, by_operator)
        if self._impossible(case, user_id):
            return
        steps: dict[str, tuple[Callable[[], object], ...]] = {
            "warn": (
                lambda: sanctions.warn(user_id, Command(**by_operator)),
                lambda: self._pardon(user_id, by_operator),
            ),
            "pardon": (lambda: sanctions.warn(user_id, Command(**by_operator)),),
            "suspend": (
                lambda: self._suspend(user_id, by_operator),
                lambda: sanctions.lift(user_id, Command(**by_operator)),
            ),
            "lift": (),
            "ban": (
                lambda: sanctions.ban(user_id, Command(**by_operator)),
                lambda: sanctions.unban(user_id, Command(**by_operator)),
            ),
            "unban": (lambda: sanctions.ban(user_id, Command(**by_operator)),),
        }
        amount = -AMOUNTS.get(case.act, 0) * 100
        for step in steps.get(
            case.act, (lambda: adjustments.adjust(user_id, amount, Command(**by_operator)),)
        ):
            step()

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        by = console_staff(case)
        if by is None:
            return REFUSED, "no access"
        if self._impossible(case, user_id):
            return REFUSED, "nobody is suspended twice, so nothing can be taken back"
        target = str(player_of(user_id).pk)
        events = AuditEvent.objects.filter(
            target_kind="player", target_id=target, action__in=list(INVERSES)
        )
        event = events.order_by("-pk").first()
        if event is None:
            return REFUSED, "nothing happened"
        try:
            done = undo.revert(event.pk, Command(by=by, reason="seen it", now=timezone.now()))
        except Refused as refusal:
            return REFUSED, str(refusal)
        return (HELD if done.approval else ALLOWED), done.sentence

    def _impossible(self, case: Case, user_id: int) -> bool:
        """Return whether the undo is impossible: nobody is suspended twice."""
        return case.act == "suspend" and player_of(user_id).former_rank_id is not None

    def _suspend(self, user_id: int, order: Order) -> None:
        """Suspend the player by a new event, whatever state they had before."""
        player = player_of(user_id)
        if player.former_rank_id is not None:
            player.rank_id, player.former_rank_id, player.former_rank_since = (
                player.former_rank_id,
                None,
                None,
            )
            player.save()
        sanctions.suspend(user_id, Command(**order), until=timezone.now() + dt.timedelta(days=7))

    def _pardon(self, user_id: int, order: Order) -> None:
        warning = Sanction.objects.filter(
            player__user_id=user_id, kind="warning", lifted_at=None
        ).latest("pk")
        sanctions.pardon(warning.pk, Command(**order))


class Approving(ByTheRules):
    """Approval by a second person of an owner's request.

    The owner acted too often to do it alone.
    """

    acts = ("warn", "pardon", "suspend", "lift", "ban", "unban", *AMOUNTS)
    people = (*FEW, "an owner without a rank")

    def expects(self, case: Case) -> str:
        """Return the expected outcome.

        Who may do the act alone may approve it within their own limit. They may also approve bans.
        """
        if case.expected == HELD:
            return ALLOWED if case.act in {"ban", "unban"} or case.rank not in LIMIT else REFUSED
        return case.expected

    def prepare(self, case: Case, user_id: int) -> None:
        owner_client("rita")
        asker = rights_of(StaffAccount.objects.get(user__username="rita").user).staff
        assert asker is not None
        now = timezone.now()
        velocity_limit.record_acts(asker, now, acts=settings.INTEGRATIONS.moderation.guard.acts)
        try:
            RULES[case.act](case, user_id, {"by": asker, "reason": "seen it", "now": now})
        except Refused:
            return  # it makes no sense, so nobody can request it

    def attempt(self, case: Case, user_id: int) -> tuple[str, str]:
        by, waiting = (
            console_staff(case),
            Approval.objects.filter(player__user_id=user_id, status="waiting").first(),
        )
        if by is None or waiting is None:
            return REFUSED, "no access" if by is None else "nothing waits"
        try:
            approvals.approve(waiting.pk, by=by, reason="seen it", now=timezone.now())
        except Refused as refusal:
            return REFUSED, f"You may not: {refusal}" if isinstance(refusal, NotAllowed) else str(
                refusal
            )
        return ALLOWED, ""


def console_staff(case: Case) -> Staff | None:
    """Return the person with the console's rights; None without access to the console."""
    if case.bound:
        return of_roblox(ACTOR).staff
    owner_client("olga")
    return rights_of(StaffAccount.objects.get(user__username="olga").user).staff


def staff(case: Case) -> Staff:
    """Return the person for the rules. Raises Refused if they are sanctioned."""
    if case.person == "the operator":
        return at_the_shell()
    if not case.bound:
        return Staff(Actor("staff", "7", "Olga", "staff:7"), rank=None)
    return officer(ACTOR)


def warning_of(user_id: int) -> int:
    return Sanction.objects.get(player__user_id=user_id, kind=Sanction.Kind.WARNING).pk


def _warn(case: Case, user_id: int, order: Order) -> ActionResult:
    return sanctions.warn(user_id, Command(**order))


def _pardon(case: Case, user_id: int, order: Order) -> ActionResult:
    return sanctions.pardon(warning_of(user_id), Command(**order))


def _suspend(case: Case, user_id: int, order: Order) -> ActionResult:
    return sanctions.suspend(user_id, Command(**order))


def _lift(case: Case, user_id: int, order: Order) -> ActionResult:
    return sanctions.lift(user_id, Command(**order))


def _ban(case: Case, user_id: int, order: Order) -> ActionResult:
    return sanctions.ban(user_id, Command(**order))


def _unban(case: Case, user_id: int, order: Order) -> ActionResult:
    return sanctions.unban(user_id, Command(**order))


def _note(case: Case, user_id: int, order: Order) -> ActionResult:
    return notes.write(user_id, order["reason"], Command(by=order["by"], now=order["now"]))


def _recommend(case: Case, user_id: int, order: Order) -> ActionResult:
    return recommendations.recommend(user_id, Command(**order))


def _grant_leave(case: Case, user_id: int, order: Order) -> ActionResult:
    today = order["now"].date()
    return leave_decisions.grant(user_id, LeaveDays(today, today), Command(**order))


def _adjust(case: Case, user_id: int, order: Order) -> ActionResult:
    return adjustments.adjust(user_id, AMOUNTS[case.act] * 100, Command(**order))


def _propose(case: Case, user_id: int, order: Order) -> Decision:
    return decisions.propose(user_id, case.to, Command(**order))


def _lock(case: Case, user_id: int, order: Order) -> ActionResult:
    return locks.lock_promotions(user_id, None, Command(**order))


def _deny(case: Case, user_id: int, order: Order) -> ActionResult:
    return locks.deny_rank(user_id, case.to, Command(**order))


def _unlock(case: Case, user_id: int, order: Order) -> ActionResult:
    return locks.unlock_promotions(user_id, Command(**order))


def _allow(case: Case, user_id: int, order: Order) -> ActionResult:
    return locks.allow_rank(user_id, case.to, Command(**order))


def _exempt(case: Case, user_id: int, order: Order) -> ActionResult:
    return exemptions.exempt(user_id, Command(**order))


def _set_rank(case: Case, user_id: int, order: Order) -> Decision:
    return decisions.set_rank(user_id, case.to, Command(**order))


RULES: dict[str, Callable[[Case, int, Order], ActionResult | Decision]] = {
    "warn": _warn,
    "pardon": _pardon,
    "suspend": _suspend,
    "lift": _lift,
    "ban": _ban,
    "unban": _unban,
    "note": _note,
    "recommend": _recommend,
    "adjust a little": _adjust,
    "adjust a lot": _adjust,
    "adjust past what anybody may alone": _adjust,
    "propose": _propose,
    "promote": _set_rank,
    "promote to one's own rank": _set_rank,
    "demote": _set_rank,
    "grant-leave": _grant_leave,
    "lock-promotions": _lock,
    "unlock-promotions": _unlock,
    "deny-rank": _deny,
    "allow-rank": _allow,
    "exempt": _exempt,
}
# By name. Each is made with the API key of an experience.
DOORS: dict[str, Callable[[str], Door]] = {
    "rule": lambda api_key: Rule(),
    "game": Game,
    "bounded game": BoundedGame,
    "discord": Discord,
    "shell": lambda api_key: Shell(),
    "console": lambda api_key: Console(),
    "mass change": lambda api_key: Bulk(),
    "file": lambda api_key: File(),
    "undo": lambda api_key: Undo(),
    "approval": lambda api_key: Approving(),
}


def player_of(user_id: int) -> Player:
    return Player.objects.get(user_id=user_id)
