from tests.console.conftest import deputy, owner, player

__all__ = ["deputy", "owner", "player"]
