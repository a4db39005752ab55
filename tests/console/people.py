"""People in front of the console: each with a browser that is signed in as them."""

from django.contrib.auth.models import User
from django.test import Client


def owner_client(name: str = "olga") -> Client:
    """A browser of a local owner."""
    user = User.objects.filter(username=name).first() or User.objects.create_superuser(name, password="a long password")
    client = Client()
    client.force_login(user)
    return client
