"""Topics of MessagingService."""

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import kinds
from tests.roblox.luau.universe import NIA, Universe


def test_a_topic_refused_for_long_is_subscribed_at_last(universe: Universe, grps: Grps) -> None:
    universe.faults["SubscribeAsync"] = (1.0, 0.0)
    server = universe.playing()
    universe.run(400)
    assert "topic.deaf" in kinds(grps)
    universe.faults.clear()
    universe.run(90)
    universe.publish("GRPS", {"grps": 1, "userId": NIA, "adjusted": {"sequence": 1, "total": 700}})
    universe.run(1)
    assert server.session(NIA)["known"] == 700
