"""Consequences of warnings at the policy's thresholds, and their reversal by pardons."""

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits.models import AuditEvent
from players.discipline import queries, sanctions
from players.models import Approval, Sanction
from players.moderation import approvals
from players.moderation.actors import Staff, officer
from players.moderation.command import Command
from tests.players.discipline.conftest import (
    ADMIRAL,
    COMMAND,
    MAJOR,
    MARSHAL,
    OPERATOR,
    make,
    order,
    player,
)

Officers = Callable[[int], Staff]


def warn(times: int, by: Staff) -> list[Sanction]:
    found = [sanctions.warn(1, Command(**order(by))).sanction for _ in range(times)]
    return [one for one in found if one is not None]


def suspension() -> Sanction | None:
    return Sanction.objects.filter(kind="suspension", lifted_at=None).first()


def ban_asked() -> Approval:
    return Approval.objects.get(act="ban", status="waiting")


def test_the_fourth_warning_suspends(people: Officers) -> None:
    warnings = warn(4, people(MAJOR))
    found = suspension()
    assert found is not None
    assert (found.cause, found.source) == (warnings[3], "policy")
    assert found.ends_at == found.starts_at + dt.timedelta(days=14)
    assert player().rank.name == "Suspended"
    assert player().former_rank is not None


def test_three_warnings_do_not(people: Officers) -> None:
    warn(3, people(MAJOR))
    assert suspension() is None
    assert player().rank.name == "Captain I"


def test_pardoning_the_fourth_ends_its_suspension(people: Officers) -> None:
    since = player().rank_since
    fourth = warn(4, people(MAJOR))[3]
    sanctions.pardon(fourth.pk, Command(**order(people(MAJOR))))
    assert (player().rank.name, player().rank_since, suspension()) == ("Captain I", since, None)
    pardoned, reinstated = AuditEvent.objects.filter(
        action__in=["player.pardoned", "player.reinstated"]
    ).order_by("id")
    issued = AuditEvent.objects.get(action="player.suspended")
    assert (pardoned.reverts, reinstated.reverts) == (fourth.event, issued.id)


def test_pardoning_a_necessary_warning_ends_the_ban(people: Officers) -> None:
    first = warn(4, people(MAJOR))[0]
    sanctions.pardon(first.pk, Command(**order(people(MAJOR))))
    assert suspension() is None


def test_pardoning_one_of_five_leaves_the_suspension(people: Officers) -> None:
    first = warn(5, people(MAJOR))[0]
    sanctions.pardon(first.pk, Command(**order(people(MAJOR))))
    assert suspension() is not None


def test_the_seventh_warning_requests_a_ban(
    people: Officers,
) -> None:
    done = [sanctions.warn(1, Command(**order(people(MAJOR)))) for _ in range(7)][-1]
    assert "waits for approval" in done.sentence
    assert not player().banned
    assert approvals.may_decide(ban_asked(), people(MARSHAL)).startswith("You may not")
    approvals.approve(ban_asked().pk, **order(people(ADMIRAL)))
    ban = Sanction.objects.get(kind="ban")
    assert player().banned
    assert (ban.source, ban.cause, ban.issued_by) == ("policy", done.sanction, people(MAJOR).name)


def test_a_pardon_takes_back_the_ban_that_was_asked_for(people: Officers) -> None:
    warnings = warn(7, people(MAJOR))
    sanctions.pardon(warnings[0].pk, Command(**order(people(MAJOR))))
    assert Approval.objects.get(act="ban").status == "withdrawn"
    assert suspension() is not None


def test_a_pardon_that_lifts_a_ban_needs_the_right(people: Officers) -> None:
    warnings = warn(7, people(MAJOR))
    approvals.approve(ban_asked().pk, **order(people(ADMIRAL)))
    held = sanctions.pardon(warnings[6].pk, Command(**order(people(MAJOR)))).approval
    assert held is not None
    assert player().banned
    assert approvals.may_decide(held, people(MARSHAL)).startswith("You may not")
    approvals.approve(held.pk, **order(people(COMMAND)))
    assert not player().banned


def test_warnings_by_the_operator_ban_at_once(people: Officers) -> None:
    warn(7, OPERATOR)
    assert player().banned


def test_an_expired_warning_does_not_count_and_ends_nothing(people: Officers) -> None:
    warn(4, people(MAJOR))
    oldest = Sanction.objects.filter(kind="warning").earliest("pk")
    Sanction.objects.filter(pk=oldest.pk).update(
        ends_at=oldest.starts_at + dt.timedelta(microseconds=1)
    )
    assert sanctions.end_due(timezone.now()) == 1
    assert AuditEvent.objects.filter(action="warning.expired").count() == 1
    assert suspension() is not None
    assert queries.in_force(player(), "warning", timezone.now()).count() == 3


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 6), max_size=12))
def test_fewer_than_four_warnings_do_not_suspend(people: Officers, steps: list[int]) -> None:
    """Warn (below 4) or pardon (other numbers pick which), then compare the rank and its start."""
    since, by = player().rank_since, people(MAJOR)
    with transaction.atomic():
        for step in steps:
            active = list(queries.in_force(player(), "warning", timezone.now()).order_by("pk"))
            if step < 4 or not active:
                sanctions.warn(1, Command(**order(by, counts_toward_limit=False)))
            else:
                sanctions.pardon(
                    active[step % len(active)].pk, Command(**order(by, counts_toward_limit=False))
                )
            left = queries.in_force(player(), "warning", timezone.now()).count()
            assert suspension() is None or left >= 4
            assert (player().rank.name == "Suspended") == (suspension() is not None)
            assert suspension() is not None or player().rank_since == since
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_two_warnings_at_once_suspend_once(bootstrapped: None) -> None:
    make(1, "Captain I")
    for user_id, rank in (
        (MAJOR, "Tempest Major"),
        (MARSHAL, "Stormmarshal"),
        (ADMIRAL, "Supreme Admirals"),
    ):
        make(user_id, rank)
    warn(2, officer(MAJOR))
    ready, failures = threading.Barrier(3), []

    def one(user_id: int) -> None:
        try:
            by = officer(user_id)
            ready.wait(30)
            sanctions.warn(1, Command(**order(by)))
        except Exception as error:  # noqa: BLE001 - checked by the test below
            failures.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=one, args=[user_id]) for user_id in (MAJOR, MARSHAL, ADMIRAL)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert Sanction.objects.filter(kind="warning").count() == 5
    assert Sanction.objects.filter(kind="suspension").count() == 1
