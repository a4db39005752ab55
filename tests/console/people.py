"""Users of the console, each with a signed-in browser."""

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from console.management.commands.staff import make_local_owner
from console.models import RoleGrant, StaffAccount
from players.models import Player

PASSWORD = "a long password"


def local_owner(name: str = "olga") -> User:
    """Create a local owner, who is not limited by a rank."""
    make_local_owner(name, PASSWORD)
    return User.objects.get(username=name)


def owner_client(name: str = "olga") -> Client:
    """Return the browser of a local owner."""
    return signed_in(local_owner(name))


def client_as(player: Player) -> Client:
    """Return the browser of a player who is signed in with Roblox."""
    user, _ = User.objects.get_or_create(username=f"roblox-{player.user_id}")
    StaffAccount.objects.get_or_create(user=user, defaults={"roblox_id": player.user_id})
    return signed_in(user)


def client_with_role(player: Player, role: str) -> Client:
    """Return the browser of a player with a technical role."""
    RoleGrant.objects.create(
        user_id=player.user_id,
        role=role,
        granted_by="player:1",
        approved_by="player:2",
        granted_at=timezone.now(),
    )
    return client_as(player)


def signed_in(user: User, client: Client | None = None) -> Client:
    """Return a browser with a new session of this user."""
    client = client or Client()
    client.force_login(user, backend="console.accounts.backends.SignInBackend")
    return client
