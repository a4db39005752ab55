"""Large adjustments in the console: an owner settles them, as somebody else than who asked."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audits.record import Actor
from players.models import Player, Rank
from players.staff import Staff
from syncs import adjustments
from syncs.adjustment_files import Row
from syncs.models import Adjustment
from tests.console.people import client_as, local_owner, signed_in

LIST = "/admin/syncs/adjustment/"


@pytest.fixture
def owner(bootstrapped: None) -> User:
    return local_owner("olga")


@pytest.fixture
def waiting(people: Callable[..., None]) -> Callable[[Staff], Adjustment]:
    people(range(1, 3))

    def waiting(by: Staff) -> Adjustment:
        rows = [Row(1, 1, adjustments.MASS_POINTS + 1)]
        made = adjustments.preview(rows, by=by, reason="an event", now=timezone.now())
        return adjustments.start(made.pk, by=by, now=timezone.now())

    return waiting


def act(user: User, action: str, adjustment: Adjustment) -> str:
    client = signed_in(user)
    asked = {"action": action, "_selected_action": [adjustment.pk]}
    return client.post(LIST, asked, follow=True).content.decode()


def test_an_owner_approves_what_the_shell_asked_for(owner: User, waiting: Callable[[Staff], Adjustment]) -> None:
    found = waiting(Staff(Actor("staff", "shell", "root", "shell:root"), None))
    assert f"Adjustment {found.pk}: Applying." in act(owner, "approve", found)
    found.refresh_from_db()
    assert (found.status, found.approved_by) == ("applying", f"staff:{owner.pk}")


def test_an_owner_does_not_approve_their_own_but_may_reject_it(
    owner: User, waiting: Callable[[Staff], Adjustment]
) -> None:
    found = waiting(Staff(Actor("staff", f"local-{owner.pk}", "olga", f"staff:{owner.pk}"), None))
    assert "a second person must approve it" in act(owner, "approve", found)
    found.refresh_from_db()
    assert found.status == "waiting"
    assert "Rejected" in act(owner, "reject", found)


def test_a_moderator_settles_nothing(waiting: Callable[[Staff], Adjustment]) -> None:
    found = waiting(Staff(Actor("staff", "shell", "root", "shell:root"), None))
    Player.objects.filter(user_id=2).update(rank=Rank.objects.get(name="Tempest Major"))
    asked = {"action": "approve", "_selected_action": [found.pk]}
    client_as(Player.objects.get(user_id=2)).post(LIST, asked)
    found.refresh_from_db()
    assert found.status == "waiting"
