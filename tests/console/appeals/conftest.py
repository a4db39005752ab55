from tests.console.conftest import deputy, owner, player
from tests.grps_site.http.test_turnstile import cloudflare

__all__ = ["cloudflare", "deputy", "owner", "player"]
