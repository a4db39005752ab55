from tests.audits.conftest import tell
from tests.syncs.conftest import _world, community, game, nexus, player, pull, world

__all__ = ["_world", "community", "game", "nexus", "player", "pull", "tell", "world"]
