"""The portal's database role, and connections with it."""

import os
import urllib.parse
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from grps_site.ops import portal_role
from tests import own_broker

NAME = f"{portal_role.NAME}_{own_broker.number}"  # each process of the tests has its own
PASSWORD = "only for tests"

Database = psycopg.Connection[Any]


def portal_url() -> str:
    address = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    place = f"{NAME}:{urllib.parse.quote(PASSWORD)}@{address.hostname}:{address.port}"
    return address._replace(netloc=place, path="/" + connection.settings_dict["NAME"]).geturl()


@pytest.fixture
def portal(transactional_db: None) -> Iterator[Database]:
    """Connect with the portal's role. It sees what the test commits."""
    portal_role.ensure(PASSWORD, NAME)
    with psycopg.connect(portal_url(), autocommit=True) as database:
        yield database
