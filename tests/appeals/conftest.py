from tests.console.conftest import deputy, owner, player
from tests.http.test_turnstile import cloudflare

__all__ = ["cloudflare", "deputy", "owner", "player"]
