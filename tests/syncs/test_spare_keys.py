"""Calls to Roblox use the first Open Cloud key that works."""

import pytest

from common import previous_secrets
from roblox import cloud, key_health
from roblox.models import CloudKey
from roblox.open_cloud import client, groups
from roblox.open_cloud.errors import OpenCloudError
from tests.roblox_world import KEY, World


@pytest.fixture(autouse=True)
def _nothing_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_refused_until", {})


def test_the_next_key_is_used_when_roblox_refuses_the_first(
    community: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBLOX_OPEN_CLOUD_API_KEY", f"an-expired-key,{KEY}")
    before = previous_secrets.USED.labels("ROBLOX_OPEN_CLOUD_API_KEY")._value.get()
    group = cloud.group()
    for _ in range(2):
        assert list(groups.roles(group.client, group.id))
    assert previous_secrets.USED.labels("ROBLOX_OPEN_CLOUD_API_KEY")._value.get() == before + 2
    assert list(client._refused_until) == [client.fingerprint("an-expired-key")]


def test_no_key_that_works_is_an_error(community: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBLOX_OPEN_CLOUD_API_KEY", "an-expired-key,another")
    group = cloud.group()
    with pytest.raises(OpenCloudError) as failed:
        list(groups.roles(group.client, group.id))
    assert failed.value.status == 401


def test_every_key_is_checked(community: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBLOX_OPEN_CLOUD_API_KEY", f"an-expired-key,{KEY}")
    key_health.check_all()
    assert CloudKey.objects.filter(fingerprint=client.fingerprint(KEY), enabled=True).exists()
    assert (
        "does not know this key"
        in CloudKey.objects.get(fingerprint=client.fingerprint("an-expired-key")).problem
    )
