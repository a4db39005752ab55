"""Staff sessions and technical roles end when their user leaves the group, and return with them."""

import pytest

from players.models import Player
from tests.console.conftest import Make
from tests.console.people import client_as, client_with_role


@pytest.mark.parametrize("role", ["", "owner", "auditor", "integrator"])
def test_the_console_is_closed_to_whoever_left(player: Make, role: str) -> None:
    officer = player(7, rank="Supreme Command", points=13_000)
    client = client_with_role(officer, role) if role else client_as(officer)
    assert client.get("/admin/").status_code == 200
    Player.objects.filter(pk=officer.pk).update(member="left", listed=False)
    assert client.get("/admin/").status_code in {302, 403}
    assert client.get("/admin/players/7/").status_code in {302, 403}


def test_someone_never_a_member_keeps_only_a_technical_role(
    player: Make,
) -> None:
    guest = player(7, rank="Supreme Command", points=13_000)
    Player.objects.filter(pk=guest.pk).update(member="guest", listed=False)
    assert client_as(guest).get("/admin/").status_code in {302, 403}
    client = client_with_role(guest, "integrator")
    assert client.get("/admin/sync/").status_code == 200
    other = player(8)
    assert client.post(
        f"/admin/players/{other.user_id}/warn/", {"reason": "fought"}
    ).status_code in {302, 403, 404}
    assert not other.sanctions.exists()
