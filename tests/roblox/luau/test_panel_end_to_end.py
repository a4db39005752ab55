"""The panel with a real GRPS: an officer uses the leaderboard, the search and a warning."""

import time

import pytest

from players.models import Player, Rank, Sanction
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER, Live
from tests.roblox.luau.client import Client
from tests.roblox.luau.universe import Server, Universe
from tests.roblox.luau.wire import Wire

NIA, ZED = 501, 502


@pytest.fixture
def server(live: Live) -> Server:
    wire = Wire(live, keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1])
    made = Universe(http=wire, now=time.time() - 3600).server()
    for user_id, name in ((NIA, "Nia"), (ZED, "Zed")):
        made.join(user_id, name)
    made.universe.run(4)
    for user_id in (NIA, ZED):
        made.award(user_id, "training")
    made.universe.run(6)
    Player.objects.filter(user_id=ZED).update(rank=Rank.objects.get(name="Tempest Major"))
    made.award(ZED, "training")
    made.universe.run(6)
    made.leave(NIA)
    made.universe.run(4)
    return made


def test_an_officer_finds_and_warns_somebody_elsewhere(server: Server) -> None:
    officer = Client(server, ZED)
    officer.key()
    officer.press("Everybody")
    assert "1. Zed, Tempest Major, 30\n2. Nia, Initiate, 15" in officer.texts
    officer.press("Officers")
    officer.type("A name, or a user id", "ni", enter=True)
    officer.press("Nia, Initiate, 15")
    officer.press("warn")
    officer.type("Why, in a sentence", "spammed the chat")
    officer.press("warn Nia")
    sanction = Sanction.objects.get(player__user_id=NIA)
    assert (sanction.kind, sanction.reason) == ("warning", "spammed the chat")
    assert officer.machine.errors == server.machine.errors == []
