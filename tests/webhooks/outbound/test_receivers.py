"""Misbehaving receivers: each has its entry among the attempts. Also our published example."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from common.environment import BASE_DIR
from deploy.webhook_receiver import NotGenuine, verify
from tests.conftest import free_port
from tests.webhooks.conftest import OLGA, Office
from tests.webhooks.receivers import Receiver, Wild
from webhooks.endpoints import redelivery, services
from webhooks.endpoints.validation import EndpointInput
from webhooks.formats.base import Message
from webhooks.formats.standard import Standard, new_secret
from webhooks.messages.payloads import example
from webhooks.models import WebhookAttempt, WebhookDelivery

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def hang(connection: socket.socket) -> None:
    time.sleep(15)


def drip_head(connection: socket.socket) -> None:
    for byte in FINE * 10:
        connection.sendall(bytes([byte]))
        time.sleep(0.2)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.1)


def gigabyte(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def close_early(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 20")


def late(connection: socket.socket) -> None:
    time.sleep(4)
    connection.sendall(FINE)


def redirect(connection: socket.socket) -> None:
    connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:22/\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("behave", "outcome", "status", "words"),
    [
        (hang, "failed", None, "It did not answer within 2 s."),
        (drip_head, "failed", None, "It did not answer within 2 s."),
        (drip_body, "succeeded", 200, ""),
        (gigabyte, "succeeded", 200, ""),
        (close_early, "failed", None, "It closed the connection or did not speak HTTP"),
        (late, "failed", None, "It did not answer within 2 s."),
        (redirect, "failed", 302, "redirects are not followed"),
    ],
)
def test_each_misbehaviour_has_its_line_among_the_tries(
    office: Office,
    settings: Any,
    behave: Callable[[socket.socket], None],
    outcome: str,
    status: int | None,
    words: str,
) -> None:
    limit = 2.0 if words.endswith("within 2 s.") else 30.0
    rules = msgspec.structs.replace(settings.INTEGRATIONS.webhooks, timeout_seconds=limit)
    settings.INTEGRATIONS = msgspec.structs.replace(settings.INTEGRATIONS, webhooks=rules)
    with Wild(behave) as wild:
        wanted = EndpointInput(name="wild", kind="standard", address=wild.url, events=["policy.*"])
        services.create(wanted, actor=OLGA)
        office.happen()
        office.deliver()
    attempt = WebhookAttempt.objects.get()
    assert (attempt.outcome, attempt.status_code) == (outcome, status)
    assert words in attempt.error
    assert len(attempt.response) <= 20_000
    assert attempt.milliseconds is not None
    assert WebhookDelivery.objects.get().status == (
        "delivered" if outcome == "succeeded" else "pending"
    )


def test_broken_tls_has_its_line_too(office: Office, receiver: Receiver) -> None:
    address = receiver.url.replace("http:", "https:")
    services.create(
        EndpointInput(name="plain", kind="standard", address=address, events=["policy.*"]),
        actor=OLGA,
    )
    office.happen()
    office.deliver()
    attempt = WebhookAttempt.objects.get()
    assert (attempt.outcome, attempt.status_code) == ("failed", None)
    assert attempt.error.startswith("It does not speak TLS as it should")


def test_our_example_receiver_takes_each_message_once(
    office: Office,
) -> None:
    port = free_port()
    wanted = EndpointInput(
        name="example", kind="standard", address=f"http://127.0.0.1:{port}/", events=["player.*"]
    )
    endpoint, secret = services.create(wanted, actor=OLGA)
    process = subprocess.Popen(
        [sys.executable, "deploy/webhook_receiver.py", str(port)],
        cwd=BASE_DIR,
        env={**os.environ, "WEBHOOK_SECRET": secret},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for(port)
        office.ban(office.player())
        assert office.deliver() == 1
        redelivery.resend(WebhookDelivery.objects.get().pk, actor=OLGA)
        assert office.deliver() == 1
        services.rotate(endpoint.pk, actor=OLGA, secret=new_secret())
        office.ban(office.player(157, "Ines"), reason="both secrets sign")
        assert office.deliver() == 1
        assert WebhookDelivery.objects.filter(status="delivered").count() == 2
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=30)
    assert said.splitlines() == [
        "player.banned: Olga banned Nia until 2027-01-01 00:00 UTC: exploiting",
        "player.banned: Olga banned Ines until 2027-01-01 00:00 UTC: both secrets sign",
    ]


def test_the_example_refuses_what_is_forged_old_or_changed(
    office: Office, receiver: Receiver
) -> None:
    wanted = EndpointInput(
        name="portal", kind="standard", address=receiver.url, events=["policy.*"]
    )
    _, secret = services.create(wanted, actor=OLGA)
    office.happen()
    office.deliver()
    (request,) = receiver.requests
    assert verify(secret, request.headers, request.body)["type"] == "policy.activated"
    sent = int(request.headers["webhook-timestamp"])
    now = timezone.now()
    other = Standard().render(
        Message("msg_1", now, [example("policy.activated", now)], [new_secret()])
    )
    for headers, body, at in (
        (request.headers, request.body + b" ", None),
        (request.headers | {"webhook-id": "msg_other"}, request.body, None),
        (request.headers, request.body, sent + 301),
        (request.headers, request.body, sent - 301),
        ({}, request.body, None),
        (other.headers, other.body, None),
    ):
        with pytest.raises(NotGenuine):
            verify(secret, headers, body, at)


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the receiver did not start")
