"""Discord's part of the demo: some players link their account, and their roles follow their rank."""

import time
from collections.abc import Sequence
from typing import Any

import httpx

LINKED = 20  # players: Discord's limits allow about one change a second
FIRST_ACCOUNT = 990_000_000  # Discord ids of the demo's players
TIMEOUT = 240.0  # seconds until all roles must be right


class DiscordSide:
    """Linked players of a running `make up`, and the server of its emulator."""

    def __init__(self, players: Sequence[int]) -> None:
        from django.conf import settings

        self.players = list(players[:LINKED])
        self.guild = settings.DISCORD_GUILD_ID or 0
        base = settings.DISCORD_API_URL.partition("/api/")[0]
        self.discord = httpx.Client(base_url=base, timeout=60, trust_env=False)

    def play(self) -> list[str]:
        """Link, wait for the roles, unlink one, and wait again. Returns errors as sentences."""
        self.link()
        errors = self.check()
        self.unlink_one()
        return errors or self.check()

    def link(self) -> None:
        """Let the players join the server and link their accounts. One never joins it."""
        from discord import links

        members = [{"id": _account(one), "username": f"player_{one}"} for one in self.players[1:]]
        body = {"guildId": self.guild, "members": members}
        self.discord.post("/_emulator/members", json=body).raise_for_status()
        for user_id in self.players:
            links.link(user_id, _account(user_id), f"player_{user_id}")

    def unlink_one(self) -> None:
        """Unlink the last player, who loses all managed roles."""
        from discord import links

        links.unlink(_account(self.players[-1]))

    def check(self) -> list[str]:
        """Wait until every member has the roles of their rank. Returns what is wrong."""
        deadline = time.monotonic() + TIMEOUT
        while (wrong := self._wrong()) and time.monotonic() < deadline:
            time.sleep(2)
        return wrong

    def _wrong(self) -> list[str]:
        from django.conf import settings

        from discord.models import DiscordLink, RoleMirror
        from discord.roles.targets import wanted

        linked = set(DiscordLink.objects.values_list("user_id", flat=True))
        desired = dict(RoleMirror.objects.values_list("discord_id", "desired"))
        found = []
        for user_id in self.players[1:]:
            state = desired.get(_account(user_id)) if user_id in linked else None
            target = wanted(state, settings.DISCORD_ROLES)
            if self._held(user_id) != target:
                found.append(f"Discord shows other roles of player {user_id} than their rank's.")
        absent = RoleMirror.objects.filter(discord_id=_account(self.players[0]))
        if not absent.filter(status=RoleMirror.Status.RESTING).exists():
            found.append("The roles of the player who is not in the server do not rest.")
        return found

    def _held(self, user_id: int) -> set[int]:
        path = f"/_emulator/members/{self.guild}/{_account(user_id)}"
        answer: Any = self.discord.get(path).raise_for_status().json()
        return {int(role) for role in answer["roles"]}


def _account(user_id: int) -> int:
    return FIRST_ACCOUNT + user_id
