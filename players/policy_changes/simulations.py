"""Simulations that are kept: asked for by somebody, counted by a worker in steps, needed before an
activation.
"""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from common.errors import NotAllowed, Refused
from players.models import PolicyVersion, Simulation
from players.moderation.actors import Staff
from players.policy.bundle import parse_bundle
from players.policy_changes import simulation_query
from players.policy_changes.simulation_query import Group, Row, Tally

GOOD_FOR = dt.timedelta(days=1)  # the community moves on
STEP = simulation_query.STRETCH


def begin(number: int, *, by: Staff, now: dt.datetime) -> Simulation:
    """Have a version simulated against the one in force; one that is under way already is that one.

    Raises Refused for a version that there is not or that is in force, NotAllowed.
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
    """The newest simulation of a version, whether it is through or not."""
    return (
        Simulation.objects.filter(version=version)
        .select_related("version", "against")
        .order_by("-pk")
        .first()
    )


def fresh(version: PolicyVersion, now: dt.datetime) -> Simulation | None:
    """The simulation that an activation can stand on: through, of the last day, against the version
    in force.
    """
    found = Simulation.objects.filter(
        version=version, against__is_active=True, finished_at__gt=now - GOOD_FOR
    )
    return found.order_by("-pk").first()


def rows(made: Simulation) -> list[Row]:
    """What has been counted so far, by rank."""
    return simulation_query.rows(
        _tally(made), parse_bundle(made.against.documents), parse_bundle(made.version.documents)
    )


def run_due() -> int:
    """Carry on what is under way; how many steps were taken."""
    under_way = (
        Simulation.objects.filter(finished_at=None).order_by("pk").values_list("pk", flat=True)
    )
    return sum(run(pk) for pk in under_way)


def run(simulation_id: int) -> int:
    """Carry one simulation to its end; how many steps were taken. Another process at it: 0."""
    steps = 0
    while _step(simulation_id):
        steps += 1
    return steps


def _step(simulation_id: int) -> bool:
    """Look at the next stretch of players, in a transaction of its own with what came of it."""
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
        made.finished_at = timezone.now() if made.upto == made.last else None
        made.save(update_fields=["tally", "upto", "finished_at"])
        return True


def _tally(made: Simulation) -> Tally:
    return {(rank, old, new): Group(count, tuple(ids)) for rank, old, new, count, ids in made.tally}
