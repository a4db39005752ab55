"""`/` leads to the portal, or to the API's docs where there is none."""

from typing import Any

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("portal", "leads_to"),
    [("", "/docs"), ("https://portal.example.org", "https://portal.example.org")],
)
def test_it_leads_to_the_portal(client: Client, settings: Any, portal: str, leads_to: str) -> None:
    settings.PORTAL_URL = portal
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, leads_to)
