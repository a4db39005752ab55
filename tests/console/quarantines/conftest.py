"""Two keys of one experience, of which one is stolen, and two owners who decide."""

from collections.abc import Callable

import pytest
from django.test import Client

from players import quarantine_release
from players.models import Approval, Quarantine
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER
from tests.players.conftest import Game

AGREED = {"verb": "approve", "words": "agreed"}
Decide = Callable[[str], Quarantine]


@pytest.fixture
def game(api_key: str) -> Game:
    return Game(api_key)


@pytest.fixture
def thief(game: Game) -> Game:
    """Return a server with another, stolen key of the same experience."""
    return Game(keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1])


@pytest.fixture
def decide(owner: Client, deputy: Client) -> Decide:
    """Return a function: two owners decide on the newest quarantine, then the worker runs."""

    def decide(verb: str) -> Quarantine:
        found = Quarantine.objects.latest("pk")
        owner.post(f"/admin/quarantines/{found.pk}/{verb}/", {"reason": "looked at it"})
        deputy.post(f"/admin/approvals/{Approval.objects.latest('pk').pk}/", AGREED)
        quarantine_release.run_due()
        found.refresh_from_db()
        return found

    return decide
