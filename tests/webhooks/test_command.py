"""`manage.py webhooks`: its output, its effects and its exit codes."""

import base64
import datetime as dt
import io
import json
import sys
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from audits.models import AuditEvent
from common import encryption
from tests.webhooks.conftest import OLGA, Office, answering
from tests.webhooks.receivers import Receiver
from webhooks.endpoints import services
from webhooks.management.commands import webhooks as command
from webhooks.models import WebhookDelivery, WebhookEndpoint


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the wait for a worker, since none runs here."""
    monkeypatch.setattr(command, "WORKER", 0.5)


def run(*arguments: str, **options: Any) -> tuple[str, int]:
    """Run the command. Returns its output and its exit code."""
    out = io.StringIO()
    try:
        call_command("webhooks", *arguments, stdout=out, **options)
    except SystemExit as ended:
        return out.getvalue(), int(ended.code or 0)
    return out.getvalue(), 0


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("webhooks", *arguments, stdout=io.StringIO())
    return str(refused.value)


def given_up(office: Office, receiver: Receiver) -> WebhookEndpoint:
    """Create an endpoint with one ban that was given up."""
    endpoint = office.endpoint(receiver, events=["player.*"])
    office.ban(office.player())
    office.fan_out()
    endpoint.deliveries.update(status="exhausted", finished_at=timezone.now())
    return endpoint


def test_status_ends_with_0_when_all_is_well(office: Office, receiver: Receiver) -> None:
    assert "There are no endpoints" in run("status")[0]
    office.endpoint(receiver, name="[red]odd[/red]")
    office.endpoint(receiver, "discord", events=["player.*"])
    office.ban(office.player())
    office.fan_out()
    text, code = run("status")
    assert code == 0
    for told in ("[red]odd[/red]", "discord", "● active", "nothing sent", "never"):
        assert told in text
    rows = {row["name"]: row for row in json.loads(run("status", "--json")[0])}
    assert rows["discord"]["waiting"] == 1
    assert rows["discord"]["behind"] == 0
    office.deliver()
    (row,) = (row for row in json.loads(run("status", "--json")[0]) if row["name"] == "discord")
    assert (row["waiting"], row["success"], row["deliveries"], row["state"]) == (
        0,
        100.0,
        1,
        "active",
    )


def test_status_ends_with_1_when_an_endpoint_fails(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver)
    WebhookEndpoint.objects.update(failing_since=timezone.now() - dt.timedelta(hours=2))
    text, code = run("status")
    assert ("failing since" in text, code) == (True, 1)
    WebhookEndpoint.objects.update(failing_since=None)
    assert run("status", "--json")[1] == 0
    services.disable(endpoint.pk, actor=OLGA, reason="it moves house")
    text, code = run("status", "--json")
    assert ("it moves house" in text, code) == (True, 1)


def test_an_example_is_delivered_here_when_no_worker_takes_it(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver, events=["rank.*"])
    text, code = run("test", "standard", "--wait", "20")
    assert (text.startswith("rank.promoted: succeeded, 200 in"), code) == (True, 0)
    text, code = run(
        "test", "standard", "--action", "player.banned", "--action", "rank.set", "--wait", "20"
    )
    assert [line.split(":")[0] for line in text.splitlines()] == ["player.banned", "rank.set"]
    assert code == 0
    assert len(receiver.requests) == 3


def test_an_example_that_fails_says_why_and_ends_with_1(office: Office, receiver: Receiver) -> None:
    receiver.answer = answering(503)
    endpoint = office.endpoint(receiver)
    text, code = run("test", "standard", "--wait", "20")
    assert ("failed, 503 in" in text, "It answered 503." in text, code) == (True, True, 1)
    WebhookEndpoint.objects.update(paused_until=timezone.now() + dt.timedelta(hours=1))
    text, code = run("test", "standard", "--wait", "1")
    assert ("not sent" in text, code) == (True, 1)
    assert "there is no 'comet.seen'" in refusal("test", "standard", "--action", "comet.seen")
    services.disable(endpoint.pk, actor=OLGA, reason="it moves house")
    assert "It is disabled" in refusal("test", "standard")


def test_a_replay_sends_again_and_a_dry_run_counts(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver, events=["player.*"])
    office.ban(office.player())
    office.deliver()
    for start in (
        ["--after", "0"],
        ["--since", "2020-01-01"],
        ["--since", "2020-01-01T00:00:00+02:00"],
    ):
        assert "1 would be sent again." in run("replay", "standard", *start, "--dry-run")[0]
    assert not WebhookDelivery.objects.filter(status="pending").exists()
    assert (
        "0 would be sent again."
        in run("replay", "standard", "--since", "2100-01-01", "--dry-run")[0]
    )
    assert (
        "0 would be sent again."
        in run("replay", "standard", "--after", "0", "--until", "1", "--dry-run")[0]
    )
    assert (
        "0 would be sent again."
        in run("replay", "standard", "--since", "2019-01-01", "--until", "2020-01-01", "--dry-run")[
            0
        ]
    )
    assert "1 are sent again." in run("replay", "standard", "--after", "0")[0]
    office.deliver()
    assert len(receiver.requests) == 2
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def test_a_replay_since_a_moment_begins_with_what_happened_then(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.fan_out()
    between = timezone.now()
    office.happen()
    office.happen()
    office.fan_out()
    assert (
        "2 would be sent again."
        in run("replay", "standard", "--since", between.isoformat(), "--dry-run")[0]
    )
    until = run(
        "replay", "standard", "--since", "2020-01-01", "--until", between.isoformat(), "--dry-run"
    )[0]
    whole = run("replay", "standard", "--since", "2020-01-01", "--dry-run")[0]
    assert int(whole.split(": ")[1].split()[0]) - int(until.split(": ")[1].split()[0]) == 2


def test_only_what_was_given_up_is_sent_again_on_demand(office: Office, receiver: Receiver) -> None:
    endpoint = given_up(office, receiver)
    failed_only = ("replay", "standard", "--failed-only", "--since")
    soon = (timezone.now() + dt.timedelta(hours=1)).isoformat()
    assert run(*failed_only, "2020-01-01", "--dry-run")[0] == "1 would be sent again.\n"
    assert run(*failed_only, soon)[0] == "0 are sent again.\n"
    assert run(*failed_only, "2020-01-01", "--until", "2020-01-02")[0] == "0 are sent again.\n"
    assert endpoint.deliveries.get().status == "exhausted"
    assert run(*failed_only, "2020-01-01", "--until", soon)[0] == "1 are sent again.\n"
    assert endpoint.deliveries.get().status == "pending"
    assert "--failed-only needs --since" in refusal(
        "replay", "standard", "--failed-only", "--after", "0"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "standard", "--since", "soon"),
        ("replay", "standard", "--since", "2020-13-01"),
        ("replay", "standard", "--after", "0", "--until", "2020-01-01"),
        ("replay", "nobody", "--after", "0"),
        ("rotate", "nobody"),
        ("disable", "standard", "--reason", " "),
        ("enable", "standard", "--reason", "it is"),
        ("add", "standard", "standard", "https://example.com/"),
        ("add", "other", "standard", "ftp://example.com/"),
        ("add", "other", "standard", "https://example.com/", "--events", "comet.*"),
        ("add", "other", "standard", "https://example.com/", "--header", "nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    office: Office, receiver: Receiver, arguments: tuple[str, ...]
) -> None:
    office.endpoint(receiver)
    assert refusal(*arguments)
    assert WebhookEndpoint.objects.count() == 1


def test_an_address_is_read_from_standard_input(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("https://example.com/hooks/Zq93kfPrivate\n"))
    text, _ = run(
        *("add", "portal", "standard", "-", "--events", "rank.*", "player.banned", "--rate", "60"),
        *("--experience", "nexus", "--header", "Authorization: Bearer very-private-value"),
    )
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.address, endpoint.rate) == ("https://example.com/hooks/Zq93kfPrivate", 60)
    assert (endpoint.events, endpoint.experiences) == (["rank.*", "player.banned"], ["nexus"])
    assert endpoint.headers == {"Authorization": "Bearer very-private-value"}
    assert text.count(endpoint.secret) == 1
    assert "Zq93kf" not in text
    assert "very-private" not in text


def test_a_rotation_prints_the_new_secret_once(office: Office, receiver: Receiver) -> None:
    former = office.endpoint(receiver).secret
    text, _ = run("rotate", "standard")
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.secret in text
    assert former not in text
    assert endpoint.secret not in run("status")[0]
    office.endpoint(receiver, "discord")
    assert "has none" in refusal("rotate", "discord")


def test_disabling_and_enabling_leave_a_reason(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver)
    run("disable", "standard", "--reason", "it moves house")
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.reason) == ("disabled", "it moves house")
    office.fan_out()
    run("enable", "standard", "--reason", "it is back", "--skip-missed")
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.reason) == ("active", "it is back")
    assert AuditEvent.objects.filter(action__startswith="endpoint.", actor_id="shell").count() == 2


def test_a_new_key_takes_over_from_the_old_one(
    office: Office, receiver: Receiver, settings: Any
) -> None:
    endpoint = office.endpoint(receiver)
    address, old = endpoint.address, settings.FIELD_ENCRYPTION_KEYS
    key = run("new-key")[0].strip()
    assert len(base64.urlsafe_b64decode(key)) == 32
    settings.FIELD_ENCRYPTION_KEYS = [key, *old]
    assert "values are encrypted" in run("reseal")[0]
    settings.FIELD_ENCRYPTION_KEYS = [key]
    assert WebhookEndpoint.objects.get().address == address
    settings.FIELD_ENCRYPTION_KEYS = old
    with pytest.raises(encryption.NoKey):
        _ = WebhookEndpoint.objects.get().address
    assert "add the key" in refusal("reseal")
