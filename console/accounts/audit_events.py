"""Audit events of sign-ins, sign-outs and second factors."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest

from audits.actions import Action
from audits.record import NOBODY, Actor, Target, record
from common.client_address import client_address
from console.accounts import failed_sign_ins
from console.accounts.permissions import rights_of
from players.moderation.actors import staff_of
from players.privacy.person import sign_in_subject

SYSTEM = Actor("system", "sign-in", "sign-in")


def signed_in(request: HttpRequest, user: Any, way: str) -> None:
    found = rights_of(user)
    actor = (
        found.staff.actor
        if found.staff
        else Actor("staff", f"local-{user.pk}", user.get_username())
    )
    with transaction.atomic():
        personal = {"address": (actor.subject or f"staff:{user.pk}", client_address(request))}
        record(Action.STAFF_SIGNED_IN, actor=actor, details={"way": way}, personal=personal)


def signed_out(request: HttpRequest) -> None:
    with transaction.atomic():
        record(Action.STAFF_SIGNED_OUT, actor=staff_of(request).actor)


def factor(request: HttpRequest, user: Any, action: Action, kind: str) -> None:
    """Record that a second factor was added or removed."""
    found = rights_of(user)
    actor = (
        found.staff.actor
        if found.staff
        else Actor("staff", f"local-{user.pk}", user.get_username())
    )
    with transaction.atomic():
        personal = {"address": (actor.subject or f"staff:{user.pk}", client_address(request))}
        record(action, actor=actor, details={"kind": str(kind)}, personal=personal)


def failed(request: HttpRequest, way: str, why: str, name: str, subject: str = "") -> None:
    """Count a failed sign-in, and record at most one event a minute for each way of signing in.

    The entered name is a personal value. It and the address are removed after 30 days
    (audits.client_addresses). `subject`: as `user:12`, if the provider confirmed it.
    """
    subject = subject or sign_in_subject(name)
    target = Target("sign-in", way, name[:150], subject) if name else NOBODY
    personal = {"address": (subject, client_address(request))}
    with transaction.atomic():
        times = failed_sign_ins.count(way, why)
        if times:
            details = {"way": way, "why": why, "times": times}
            record(
                Action.STAFF_SIGN_IN_FAILED,
                actor=SYSTEM,
                target=target,
                details=details,
                personal=personal,
            )


def tell_counted() -> int:
    """Record the failed sign-ins counted since the last events. Return the number of events."""
    with transaction.atomic():
        found = failed_sign_ins.due()
        for way, why, times in found:
            details = {"way": way, "why": why, "times": times}
            record(Action.STAFF_SIGN_IN_FAILED, actor=SYSTEM, details=details)
    return len(found)
