"""Discord in these tests: a provider of the same kind as Roblox's, with other parameters."""

from typing import Any
from urllib.parse import urlsplit

import httpx
from django.test import Client

LOGIN = "/admin/sign-in/with/discord/login/"


class Discord:
    """Discord's provider, and the redirects of a browser between it and the console."""

    def __init__(self, url: str) -> None:
        self.url = url

    def knows(self, user_id: int, name: str, **claims: Any) -> None:
        told = {"id": str(user_id), "username": name, "global_name": None} | claims
        httpx.put(f"{self.url}/users/{user_id}", json=told, timeout=60).raise_for_status()

    def asked(self, client: Client, process: str, path: str = "") -> Any:
        """Start the redirect to Discord. Returns the console's response."""
        return client.post(path or f"{LOGIN}?process={process}&next=/admin/sessions/")

    def consents(self, address: str, user_id: int) -> str:
        response = httpx.post(address, data={"sub": str(user_id)}, timeout=60)
        assert response.status_code in {302, 303}, response.text[:2000]
        parts = urlsplit(response.headers["Location"])
        return f"{parts.path}?{parts.query}"

    def comes_back(self, client: Client, user_id: int, process: str) -> Any:
        """Go to Discord and back. Returns the response of the callback."""
        out = self.asked(client, process)
        assert out.status_code == 302, out.content.decode()[:2000]
        return client.get(self.consents(out["Location"], user_id))
