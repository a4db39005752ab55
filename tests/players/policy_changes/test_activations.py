"""Each activation keeps what everybody may read. A migration filled it for former ones."""

import copy
import importlib
from typing import Any

import pytest
from django.apps import apps

from audits.record import Actor
from players.active_policy import activate
from players.models import PolicyActivation, PolicyVersion, Rank
from players.policy.bundle import parse_bundle

pytestmark = pytest.mark.usefixtures("bootstrapped")
MIGRATION = importlib.import_module("players.migrations.0029_rank_slugs")


def put_in_force(weight: int, cap: int = 500) -> None:
    found = copy.deepcopy(PolicyVersion.objects.get(number=1).documents)
    found["points"]["events"]["training"]["weight"] = weight
    found["points"]["dailyCap"] = cap
    activate(parse_bundle(found), actor=Actor("system", "test", "test"), reason="As voted")


def rows() -> list[Any]:
    return list(
        PolicyActivation.objects.order_by("pk").values_list(
            "number", "version", "document", "changes"
        )
    )


def test_former_activations_are_filled_from_the_log() -> None:
    for weight, cap in ((20, 500), (20, 400), (15, 500), (20, 400)):
        put_in_force(weight, cap)
    written = rows()
    assert [row[0] for row in written] == [1, 2, 3, 1, 3]
    PolicyActivation.objects.all().delete()
    MIGRATION.fill_activations(apps, None)
    assert rows() == written


def test_without_a_log_the_policy_in_force_is_filled() -> None:
    put_in_force(20)
    (_, written) = rows()
    PolicyActivation.objects.all().delete()
    PolicyVersion.objects.filter(number=1).delete()  # as if its event could not be read
    MIGRATION.fill_activations(apps, None)
    (filled,) = rows()
    assert filled[:3] == written[:3]
    assert filled[3] == [], "against nothing"


def test_former_ranks_get_slugs_of_their_own() -> None:
    first = dict(Rank.objects.values_list("name", "slug"))
    for number, rank in enumerate(Rank.objects.all()):
        Rank.objects.filter(pk=rank.pk).update(slug=f"slug-{number}")
    Rank.objects.filter(name="Imperator").update(name="Captain-I", retired=True)
    MIGRATION.fill_slugs(apps, None)
    slugs = dict(Rank.objects.values_list("name", "slug"))
    assert slugs["Captain-I"] == "captain-i-2", "the rank in use comes first"
    assert {name: slugs[name] for name in first if name in slugs} == {
        name: slug for name, slug in first.items() if name in slugs
    }
