"""The portal as a service of `make up`, and the settings of it and for it."""

import sys
from dataclasses import dataclass

import httpx

from common import environment
from common.environment import BASE_DIR
from devserver.process import Service
from devserver.state import State, is_free

ROLE = "grps_portal"  # the database role that reads the schema `portal` and nothing else
ROLE_FILE = "portal_password"  # of the role, in the state folder, made by `portal_role`
BUILD_TIMEOUT = 1800.0  # seconds until it serves; the first start installs packages and builds


@dataclass(frozen=True)
class Portal:
    """The portal of one `make up`. `api_url`: the address of Django."""

    state: State
    api_url: str
    port: int

    @classmethod
    def beside(cls, state: State, web_port: int) -> "Portal | None":
        """Return the portal on the next port, or on another that is free. None if PORTAL=off."""
        if not environment.switch("PORTAL", True):
            return None
        port = web_port + 1
        return cls(
            state, f"http://127.0.0.1:{web_port}", port if is_free(port) else state.port("portal")
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def for_django(self) -> dict[str, str]:
        """Return Django's settings that know the portal."""
        return {"PORTAL_URL": self.url, "PORTAL_ORIGINS": self.url}

    def service(self, avatars: str) -> Service:
        """Return the service, which is not started yet. Its first start builds the portal.

        `avatars`: on or off.
        """
        return Service(
            name="portal",
            command=[sys.executable, "-m", "devserver.portal", "serve"],
            log=self.state.folder / "logs" / "portal.log",
            is_up=lambda _: self._serves(),
            environment=self._settings() | {"AVATARS": avatars},
            folder=BASE_DIR,
            stop_timeout=5.0,
            start_timeout=BUILD_TIMEOUT,
            optional=True,
            notice=f"The portal serves on {self.url}",
        )

    def _settings(self) -> dict[str, str]:
        known = self.state.secrets()
        database_port = self.state.port_of("postgres")
        password = (self.state.folder / ROLE_FILE).read_text().strip()
        return {
            "PORT": str(self.port),
            "HOSTNAME": "127.0.0.1",
            "DATABASE_URL": f"postgresql://{ROLE}:{password}@127.0.0.1:{database_port}/grps",
            "NEXT_PUBLIC_AUTOMATION_BASE_URL": self.api_url,
            "PORTAL_URL": self.url,
            "PORTAL_MEMBERS_URL": f"{self.api_url}/me",
            "PORTAL_STATE": str(self.state.folder / "portal"),
            "PORTAL_REFRESH_SECRET": known["LOCAL_PORTAL_REFRESH_SECRET"],
            "PORTAL_WEBHOOK_SECRET": known["LOCAL_PORTAL_WEBHOOK_SECRET"],
            "AUTOMATION_SIGNATURE_SECRET": known["AUTOMATION_SIGNATURE_SECRET"],
        }

    def _serves(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/health/live", timeout=2).status_code == 200
        except httpx.TransportError:
            return False
