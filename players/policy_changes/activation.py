"""Policy versions: store valid ones, put one in force with two people, roll back the same way."""

import datetime as dt
from collections.abc import Mapping

from django.db import transaction

from audits.actions import Action
from audits.record import Target, record, reserve_id
from common.errors import NotAllowed, Refused
from common.task_hints import Hint
from players.active_policy import RankInUse, activate, active, held_outside, kept
from players.models import Approval, PolicyVersion
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from players.moderation.input import check_reason
from players.policy.bundle import parse_bundle, read_bundle
from players.policy_changes import simulations
from players.tasks import evaluate_due

ACTIVATE = "policy.activate"
EVALUATING = Hint(evaluate_due, every=30)  # seconds


def add(texts: Mapping[str, str], *, by: Staff, reason: str, now: dt.datetime) -> PolicyVersion:
    """Store documents (JSON texts by the keys of FILES) as a version that is not in force.

    Returns the existing version if one has the same content. Raises PolicyError with every defect,
    NotAllowed, Refused.
    """
    _check(by)
    reason = check_reason(reason)
    bundle = read_bundle(texts)
    with transaction.atomic():
        version, is_new = kept(bundle)
        if is_new:
            record(
                Action.POLICY_ADDED,
                actor=by.actor,
                target=Target("policy", str(version.number), ""),
                reason=reason,
                after={"version": version.content_hash, "number": version.number},
            )
        return version


def ask_activation(number: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Request a second owner's approval to put a version in force, also an older one.

    Raises NotAllowed, and Refused without a simulation of the last day against the policy in force.
    """
    _check(by)
    version = PolicyVersion.objects.filter(number=number).first()
    if version is None:
        raise Refused(f"There is no policy {number}.")
    if version.is_active:
        raise Refused(f"Policy {number} is in force already.")
    with transaction.atomic():
        # One at a time: the first would change the rules against which the second was checked.
        present = PolicyVersion.objects.select_for_update().get(is_active=True)
        if waiting():
            raise Refused("A policy waits for its second owner already; decide on that first.")
        _check_ranks(version)
        simulated = simulations.fresh(version, now)
        if simulated is None:
            raise Refused(
                f"Simulate policy {number} first: whoever approves it sees whom it would move."
            )
        return approvals.request_approval(
            ApprovalRequest(
                ACTIVATE,
                arguments={
                    "number": number,
                    "version": version.content_hash,
                    "insteadOf": present.content_hash,
                    "simulation": simulated.pk,
                },
            ),
            Command(by=by, reason=reason, now=now),
        )


def waiting() -> list[Approval]:
    """Return the requested activations that nobody decided yet."""
    return list(
        Approval.objects.filter(act=ACTIVATE, status=Approval.Status.WAITING).order_by("pk")
    )


def _sentence(approval: Approval) -> str:
    return f"Put policy {approval.arguments['number']} in force"


@approval_types.executes(ACTIVATE, entitled=lambda by: by.has("console.policy"), sentence=_sentence)
def _activated(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    version = PolicyVersion.objects.get(content_hash=approval.arguments["version"])
    if active().bundle.version != approval.arguments["insteadOf"]:
        raise Refused(
            "Another policy was put in force since this was asked for; turn it down and ask again."
        )
    event = reserve_id()
    try:
        activate(
            parse_bundle(version.documents),
            actor=requester.actor,
            reason=approval.reason,
            event_id=event,
        )
    except RankInUse as error:
        raise Refused(str(error)) from None
    EVALUATING.after_commit()
    return event


def _check(by: Staff) -> None:
    if not by.has("console.policy"):
        raise NotAllowed("You may not: the policy is a matter of the owners.")


def _check_ranks(version: PolicyVersion) -> None:
    if held := held_outside(parse_bundle(version.documents)):
        raise Refused(
            f"Players hold {', '.join(held)}, which policy {version.number} leaves out. Move them first."
        )
