"""Record refused acts in the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import transaction

from audits.actions import Action
from audits.record import NOBODY, Actor, record
from common.errors import NotAllowed
from players.models import Player
from players.moderation.actors import Staff
from players.moderation.audit_fields import target_of

_auditing: ContextVar[bool] = ContextVar("auditing_refusals", default=False)


@contextmanager
def audit_refusals(act: str, user_id: int | None, by: Staff) -> Iterator[None]:
    """Record a refused act after its transaction rolled back.

    Use it around `transaction.atomic()`. If it is nested, only the outermost one records, since the
    record of an inner one would be rolled back too.
    """
    if _auditing.get():
        yield
        return
    token = _auditing.set(True)
    try:
        yield
    except NotAllowed:
        record_refusal(act, user_id, by.actor)
        raise
    finally:
        _auditing.reset(token)


def record_refusal(act: str, user_id: int | None, actor: Actor) -> None:
    """Record an attempt without its reasons."""
    with transaction.atomic():
        player = Player.objects.filter(user_id=user_id).first() if user_id is not None else None
        target = target_of(player) if player is not None else NOBODY
        record(Action.ACT_REFUSED, actor=actor, target=target, details={"act": act})
