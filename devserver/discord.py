"""The emulator of Discord's API as a service of `make up`, and the settings to use it."""

import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common.environment import BASE_DIR
from devserver.process import Service, serves
from devserver.state import State
from discord.emulator import demo

LADDER = BASE_DIR / "config" / "policy.ranks.json"
APPLICATION, TOKEN = "9001", "emulator-bot-token"


def service(state: State, port: int) -> Service:
    """Return the service, which is not started yet. It forgets everything when it ends."""
    return Service(
        name="discord",
        command=[
            *(sys.executable, "-m", "discord.emulator", f"--port={port}"),
            *("--seed-demo", f"--roles={LADDER}", f"--key={state.secrets()['LOCAL_DISCORD_KEY']}"),
        ],
        log=state.folder / "logs" / "discord.log",
        is_up=lambda _: serves(f"http://127.0.0.1:{port}/_emulator/health"),
        folder=BASE_DIR,
    )


def environment(state: State, port: int) -> dict[str, str]:
    """Return the settings that use the emulator. They enable writing to Discord."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(state.secrets()["LOCAL_DISCORD_KEY"]))
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    roles = [f"{rank}={role}" for rank, role in demo.roles_of(LADDER).items()]
    return {
        "DISCORD_API_URL": f"http://127.0.0.1:{port}/api/v10",
        "DISCORD_APPLICATION_ID": APPLICATION,
        "DISCORD_PUBLIC_KEY": public.hex(),
        "DISCORD_BOT_TOKEN": TOKEN,
        "DISCORD_GUILD_ID": str(demo.GUILD),
        "DISCORD_WRITES": "on",
        "DISCORD_ROLES": ",".join([*roles, f"linked={demo.LINKED}"]),
        "DISCORD_QUEUE_CHANNEL": str(demo.QUEUE),
        "DISCORD_EVENTS_CHANNEL": str(demo.EVENTS),
    }
