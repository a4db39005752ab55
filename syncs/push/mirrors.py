"""Change mirrors, the rows of what Roblox should show. A trigger writes `desired`."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from players.models import Player
from players.policy.membership import MembershipStatus
from roblox.models import Experience
from syncs.models import Mirror

# Of whom Roblox was asked, and who holds no role of the group.
OUTSIDE = (MembershipStatus.LEFT, MembershipStatus.GUEST)


def rest(player_ids: Iterable[int]) -> None:
    """Stop pushing the roles of players who left, until they are back: Roblox removed the roles."""
    rows = Mirror.objects.filter(player__in=list(player_ids), aspect=Mirror.Aspect.ROLE)
    rows.update(
        version=F("version") + 1,
        status=Mirror.Status.RESTING,
        attempts=0,
        reason="",
        confirmed=None,
    )


def push_again(aspect: Mirror.Aspect, player: Player, experience: Experience | None = None) -> None:
    """Push the desired state again. A missing row is created: the rank's role, or no ban."""
    fresh: dict[str, Any] = {
        "version": F("version") + 1,
        "status": Mirror.Status.PENDING,
        "attempts": 0,
        "reason": "",
        "retry_at": Now(),
    }
    rows = Mirror.objects.filter(player=player, aspect=aspect, experience=experience)
    if rows.update(**fresh):
        return
    desired = role_of(player) if aspect == Mirror.Aspect.ROLE else {"active": False}
    Mirror.objects.create(player=player, aspect=aspect, experience=experience, desired=desired)


COMPLETE = """
    INSERT INTO mirrors (player_id, aspect, experience_id, desired)
    SELECT p.id, 'standing', %s, jsonb_build_object('rank', r.name, 'sanction',
           CASE WHEN p.banned THEN 'ban' WHEN r.is_punishment THEN 'suspension' END)
           || CASE WHEN p.member IN ('left', 'guest') THEN jsonb_build_object('membership', p.member) ELSE '{}' END
    FROM players p JOIN ranks r ON r.id = p.rank_id
    WHERE p.erased_at IS NULL AND (p.banned OR r.is_punishment OR r.position > (
        SELECT min(position) FROM ranks WHERE NOT is_punishment AND NOT retired))
    UNION ALL
    SELECT p.id, 'adjusted', %s,
           jsonb_build_object('sequence', p.adjusted_sequence, 'total', (p.adjusted * 100)::bigint)
    FROM players p WHERE p.erased_at IS NULL AND p.adjusted_sequence > 0
    UNION ALL
    SELECT s.player_id, 'restriction', %s, jsonb_build_object('active', true, 'sanction', s.id,
           'until', to_char(s.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    FROM sanctions s JOIN players p ON p.id = s.player_id
    WHERE p.erased_at IS NULL AND s.kind = 'ban' AND s.lifted_at IS NULL
    ON CONFLICT (player_id, aspect, experience_id) DO NOTHING"""


def complete(experience: Experience) -> int:
    """Create the mirrors of a newly connected universe, and return their number."""
    with connection.cursor() as cursor:
        cursor.execute(COMPLETE, [experience.pk] * 3)
        return int(cursor.rowcount)


def parked() -> QuerySet[Mirror]:
    """Return the parked writes that somebody must see to.

    The role of who is not in the group is none of them: it is given when they join.
    """
    rows = Mirror.objects.filter(status=Mirror.Status.PARKED)
    return rows.exclude(player__member__in=OUTSIDE, aspect=Mirror.Aspect.ROLE)


def resting_parked() -> int:
    """Return how many roles are parked of people who are not in the group, counted up to 10,000."""
    rows = Mirror.objects.filter(status=Mirror.Status.PARKED, aspect=Mirror.Aspect.ROLE)
    return rows.filter(player__member__in=OUTSIDE)[:10_000].count()


def retry_parked(now: dt.datetime) -> int:
    """Queue all parked mirrors again, and return their number."""
    rows = Mirror.objects.filter(pk__in=parked().values("pk"), status=Mirror.Status.PARKED)
    return rows.update(status=Mirror.Status.PENDING, attempts=0, retry_at=now)


def confirm_as_is(
    aspect: Mirror.Aspect, player: Player, experience: Experience | None, now: dt.datetime
) -> None:
    """Mark the desired state as confirmed, since it was adopted from Roblox."""
    Mirror.objects.filter(player=player, aspect=aspect, experience=experience).update(
        confirmed=F("desired"),
        confirmed_version=F("version"),
        confirmed_at=now,
        status=Mirror.Status.CONFIRMED,
        reason="",
    )


def confirm_seen(aspect: Mirror.Aspect, player_ids: Iterable[int], now: dt.datetime) -> None:
    """Mark the roles of these players as confirmed, since Roblox shows them. Creates missing rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO mirrors (player_id, aspect, experience_id, desired, confirmed, confirmed_version, confirmed_at,
                                 status)
            SELECT p.id, %s, NULL, d.desired, d.desired, 1, %s, 'confirmed'
            FROM players p JOIN ranks r ON r.id = p.rank_id,
                 LATERAL (SELECT jsonb_build_object('role', r.role, 'rank', r.name) AS desired) d
            WHERE p.id = ANY(%s::bigint[]) AND p.erased_at IS NULL
            ON CONFLICT (player_id, aspect, experience_id) DO UPDATE SET
                desired = excluded.desired, confirmed = excluded.desired, confirmed_version = mirrors.version,
                confirmed_at = excluded.confirmed_at, status = 'confirmed', attempts = 0, reason = ''
            WHERE mirrors.lease_until IS NULL OR mirrors.lease_until < now()""",
            [aspect, now, list(player_ids)],
        )


def role_of(player: Player) -> dict[str, Any]:
    """Return the role that the group should show for a player."""
    return {"role": player.rank.role, "rank": player.rank.name}
