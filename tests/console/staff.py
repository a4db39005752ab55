"""How tests sign in to the console."""

from django.contrib.auth.models import User
from django.test import Client


def owner_client(name: str = "olga") -> Client:
    """A browser in which an owner is signed in."""
    client = Client()
    user = User.objects.filter(username=name).first() or User.objects.create_superuser(name)
    client.force_login(user)
    return client


def plain_client() -> Client:
    """Somebody in the console who has no right at all."""
    client = Client()
    client.force_login(User.objects.create_user("pat", is_staff=True))
    return client
