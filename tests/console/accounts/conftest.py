import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.socialaccount.providers.discord.views import DiscordOAuth2Adapter
from django.test import Client

from devserver.__main__ import BASE_DIR
from tests.conftest import free_port
from tests.console.accounts.discord import Discord
from tests.console.conftest import player

__all__ = ["player"]

WITH = "/admin/sign-in/with/roblox/login/"


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """Start a sign-in provider. Yields its URL."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.console.accounts.provider", str(port)],
        cwd=BASE_DIR,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the provider ended"
        try:
            httpx.get(f"{url}/.well-known/openid-configuration")
            break
        except httpx.TransportError:
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(10)


class Roblox:
    """Roblox's sign-in provider, and the redirects of a browser between it and the console."""

    def __init__(self, url: str) -> None:
        self.url = url

    def knows(self, user_id: int, name: str, **claims: Any) -> None:
        """Add or change a user of Roblox. `claims` may replace their name or picture."""
        told = {
            "preferred_username": name,
            "name": name,
            "nickname": name,
            "picture": None,
        } | claims
        httpx.put(f"{self.url}/users/{user_id}", json=told, timeout=60).raise_for_status()

    def asked(self, client: Client, path: str = f"{WITH}?process=login&next=/admin/") -> str:
        """Start the sign-in. Returns the URL to which the console redirects the browser."""
        response = client.post(path)
        assert response.status_code == 302, response.content.decode()[:2000]
        return str(response["Location"])

    def consents(self, address: str, user_id: int) -> str:
        """Consent as the user. Returns the path and query to which the browser returns."""
        response = httpx.post(address, data={"sub": str(user_id)}, timeout=60)
        assert response.status_code in {302, 303}, response.text[:2000]
        parts = urlsplit(response.headers["Location"])
        return f"{parts.path}?{parts.query}"

    def sign_in(self, client: Client, user_id: int) -> Any:
        """Sign in completely. Returns the response of the callback."""
        return client.get(self.consents(self.asked(client), user_id))


@pytest.fixture
def roblox(provider: str, settings: Any, bootstrapped: None) -> Roblox:
    app = {"client_id": "grps", "secret": "a secret", "settings": {"server_url": f"{provider}/"}}
    providers = settings.SOCIALACCOUNT_PROVIDERS
    settings.SOCIALACCOUNT_PROVIDERS = providers | {"roblox": providers["roblox"] | {"APPS": [app]}}
    return Roblox(provider)


@pytest.fixture
def discord(
    provider: str, settings: Any, bootstrapped: None, monkeypatch: pytest.MonkeyPatch
) -> Discord:
    settings.SOCIALACCOUNT_PROVIDERS = settings.SOCIALACCOUNT_PROVIDERS | {
        "discord": {
            "OAUTH_PKCE_ENABLED": True,
            "SCOPE": ["profile"],
            "APPS": [{"client_id": "grps", "secret": "a secret"}],
        }
    }
    for name, path in (
        ("authorize", "oauth2/authorize"),
        ("access_token", "oauth2/token"),
        ("profile", "userinfo"),
    ):
        monkeypatch.setattr(DiscordOAuth2Adapter, f"{name}_url", f"{provider}/{path}")
    return Discord(provider)
