"""Stored simulations: requested by an officer, counted by a worker in steps.

An activation needs one.
"""

import datetime as dt

from django.db import transaction

from common import database_clock
from common.errors import NotAllowed, Refused
from players.models import PolicyVersion, Simulation
from players.moderation.actors import Staff
from players.policy.bundle import parse_bundle
from players.policy_changes import simulation_query
from players.policy_changes.simulation_query import MoverGroup, RankMoves, Tally

GOOD_FOR = dt.timedelta(days=1)  # older counts no longer fit the players
STEP = simulation_query.STRETCH


def begin(number: int, *, by: Staff, now: dt.datetime) -> Simulation:
    """Start a simulation of a version against the one in force, or return the unfinished one.

    Raises NotAllowed, and Refused for a version that does not exist or is in force.
    """
    if not by.has("console.policy"):
        raise NotAllowed("You may not: the policy is a matter of the owners.")
    version = PolicyVersion.objects.filter(number=number).first()
    if version is None:
        raise Refused(f"There is no policy {number}.")
    if version.is_active:
        raise Refused(f"Policy {number} is in force: it changes nothing.")
    with transaction.atomic():
        present = PolicyVersion.objects.select_for_update().get(is_active=True)
        made, _ = Simulation.objects.get_or_create(
            version=version,
            against=present,
            finished_at=None,
            defaults={
                "requested_by": by.person,
                "started_at": now,
                "last": simulation_query.last_id(),
            },
        )
        return made


def latest(version: PolicyVersion) -> Simulation | None:
    """Return the newest simulation of a version, finished or not."""
    return (
        Simulation.objects.filter(version=version)
        .select_related("version", "against")
        .order_by("-pk")
        .first()
    )


def fresh(version: PolicyVersion, now: dt.datetime) -> Simulation | None:
    """Return the newest simulation that permits an activation, None if there is none.

    It must be finished, from the last day, and against the version in force.
    """
    found = Simulation.objects.filter(
        version=version, against__is_active=True, finished_at__gt=now - GOOD_FOR
    )
    return found.order_by("-pk").first()


def rows(made: Simulation) -> list[RankMoves]:
    """Return what has been counted so far, by rank."""
    return simulation_query.rows(
        _tally(made), parse_bundle(made.against.documents), parse_bundle(made.version.documents)
    )


def run_due() -> int:
    """Continue the unfinished simulations, and return the number of steps."""
    under_way = (
        Simulation.objects.filter(finished_at=None).order_by("pk").values_list("pk", flat=True)
    )
    return sum(run(pk) for pk in under_way)


def run(simulation_id: int) -> int:
    """Finish one simulation, and return the number of steps. 0 if another process runs it."""
    steps = 0
    while _step(simulation_id):
        steps += 1
    return steps


def _step(simulation_id: int) -> bool:
    """Count the next batch of players and store the result, in one transaction.

    Returns False if the simulation is finished or another process runs it.
    """
    with transaction.atomic():
        waiting = Simulation.objects.filter(pk=simulation_id, finished_at=None)
        made = (
            waiting.select_for_update(no_key=True, skip_locked=True, of=("self",))
            .select_related("version", "against")
            .first()
        )
        if made is None:
            return False
        present, other = parse_bundle(made.against.documents), parse_bundle(made.version.documents)
        upto = min(made.upto + STEP, made.last)
        found = simulation_query.look(present, other, made.started_at, made.upto, upto)
        made.tally = [
            [*key, *group] for key, group in simulation_query.together(_tally(made), found).items()
        ]
        made.upto = upto
        made.finished_at = database_clock.now() if made.upto == made.last else None
        made.save(update_fields=["tally", "upto", "finished_at"])
        return True


def _tally(made: Simulation) -> Tally:
    return {
        (rank, old, new): MoverGroup(count, tuple(ids)) for rank, old, new, count, ids in made.tally
    }
