"""Pages of simulations: request what a policy version would change, and show it by rank."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from console.decorators import page, render
from players import tasks
from players.models import Player, PolicyVersion
from players.moderation.actors import staff_of
from players.policy.bundle import parse_bundle
from players.policy_changes import activation, simulations
from players.policy_changes.multiplier_costs import costs
from players.policy_changes.simulation_query import RankMoves

HALF = 50  # units of the drawing on each side
WORDS = {
    "promoted": "promoted",
    "demoted": "demoted",
    "held_back": "no longer promoted",
    "spared": "no longer demoted",
    "left_out": "left out",
}


@page("players.view_policyversion")
def simulation(request: HttpRequest, number: int) -> HttpResponse:
    """Show the latest simulation of a version or its progress. A POST starts a new one."""
    found = get_object_or_404(PolicyVersion, number=number)
    if request.method == "POST":
        return _begin(request, number)
    made = simulations.latest(found)
    rows = simulations.rows(made) if made else []
    most = max((max(row.promoted, row.demoted + row.left_out) for row in rows), default=0)
    return render(
        request,
        "console/policy_simulation.html",
        f"What policy {number} would change",
        version=found,
        made=made,
        fresh=made is not None and made == simulations.fresh(found, database_clock.now()),
        rows=[
            (row, _bar(row.promoted, most), _bar(row.demoted + row.left_out, most)) for row in rows
        ],
        movers=_movers(rows),
        players=sum(row.holders for row in rows),
        promoted=sum(row.promoted for row in rows),
        demoted=sum(row.demoted for row in rows),
        left_out=sum(row.left_out for row in rows),
        multipliers=costs(parse_bundle(found.documents), database_clock.now()) if made else [],
        waiting=[one for one in activation.waiting() if one.arguments["number"] == number],
    )


def _begin(request: HttpRequest, number: int) -> HttpResponse:
    try:
        simulations.begin(number, by=staff_of(request), now=database_clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        tasks.SIMULATING.give()
    return redirect("console:policy-simulation", number)


def _movers(rows: Iterable[RankMoves]) -> list[tuple[str, str, list[Player]]]:
    """Return the rank, the change of some of its holders, and examples of these players."""
    kinds = [(row.rank, name, ids) for row in rows for name, ids in row.examples.items() if ids]
    known = Player.objects.in_bulk({pk for *_, ids in kinds for pk in ids})
    return [
        (rank, WORDS[name], [known[pk] for pk in ids if pk in known]) for rank, name, ids in kinds
    ]


def _bar(count: int, most: int) -> float:
    """Return the length of a bar in units of the drawing. A count above 0 is always visible."""
    return round(max(count / most * HALF, 1.0), 2) if count else 0.0


urls = [path("policy/<rowid:number>/simulation/", simulation, name="policy-simulation")]
