"""A lock of promotions that ends by time leaves an event, once, and the promotion follows."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import Refused
from players.actions import undo
from players.models import RankRestriction
from players.ranks import lock_ending, locks
from tests.players.ranks.test_locks import WEEK, Stands, command, rank_of
from tests.shared_clock import clock_at

# No decision about the first player can be stored while `grps_test.refuse` is on.
REFUSE = """
    CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF current_setting('grps_test.refuse') = 'on'
           AND NEW.player_id = (SELECT id FROM players WHERE user_id = 1) THEN
            RAISE 'refused by the test';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse_one BEFORE INSERT ON decisions
        FOR EACH ROW EXECUTE FUNCTION refuse_one()"""


def refuse(state: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('grps_test.refuse', %s, true)", [state])


def test_a_lock_that_ends_by_time_leaves_one_event(stands: Stands) -> None:
    player, end = stands(60, days=1), timezone.now() + WEEK
    locks.lock_promotions(1, end, command())
    assert lock_ending.end_due(end - dt.timedelta(seconds=1)) == 0
    assert lock_ending.end_due(end) == 1
    assert lock_ending.end_due(end) == 0
    event = AuditEvent.objects.get(action="promotions.unlocked")
    assert (event.actor_kind, event.actor_id) == ("system", "schedule")
    held = player.rank_restrictions.get()
    assert event.details["before"] == {
        "restriction": held.pk,
        "rank": None,
        "until": end.isoformat(),
    }
    assert (held.lifted_at, held.lifted_by) == (end, "system:schedule")
    assert rank_of() == "Shock Trooper I"
    with pytest.raises(Refused, match="over by now"), clock_at(end + WEEK):
        undo.revert(event.pk, command())


def test_an_ending_that_fails_is_tried_again(stands: Stands) -> None:
    for user_id in (1, 2):
        stands(60, user_id=user_id, days=1)
        locks.lock_promotions(user_id, timezone.now() + WEEK, command())
    refuse("on")
    with connection.cursor() as cursor:
        cursor.execute(REFUSE)
    assert lock_ending.end_due(timezone.now() + WEEK) == 1
    assert rank_of(1) == "Initiate"
    assert RankRestriction.objects.get(lifted_at=None).player.user_id == 1
    assert AuditEvent.objects.filter(action="promotions.unlocked").count() == 1
    refuse("off")
    assert lock_ending.end_due(timezone.now() + WEEK) == 1
    assert rank_of(1) == "Shock Trooper I"


def test_a_new_lock_after_one_that_is_over_tells_both(stands: Stands) -> None:
    stands(0)
    locks.lock_promotions(1, timezone.now() + WEEK, command())
    past = timezone.now() - WEEK
    RankRestriction.objects.update(starts_at=past - WEEK, ends_at=past)
    locks.lock_promotions(1, None, command())
    told = AuditEvent.objects.filter(action__startswith="promotions.").order_by("pk")
    assert [(one.action, one.actor_kind) for one in told] == [
        ("promotions.locked", "staff"),
        ("promotions.unlocked", "system"),
        ("promotions.locked", "staff"),
    ]
