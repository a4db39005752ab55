"""Delivery of events: once per receiver, in its format, retried on schedule, then given up."""

import datetime as dt
import json
import re
import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from audits.actions import Action
from audits.models import AuditEvent
from common.errors import Refused
from players.moderation.actors import Staff
from players.privacy.erasure import erase
from tests.webhooks.conftest import OLGA, Office, answering
from tests.webhooks.receivers import Received, Receiver
from webhooks.endpoints import health, redelivery, services
from webhooks.endpoints.calls import EndpointLoad
from webhooks.endpoints.validation import EndpointInput
from webhooks.messages import formatting
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webhooks.outbound import fan_out, queue, retry_policy, worker

IDLE = EndpointLoad({}, frozenset(), 16)


def told(action: Action) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("pk"))


def test_an_event_arrives_signed_and_the_reference_accepts_it(
    office: Office, receiver: Receiver
) -> None:
    endpoint, secret = services.create(
        EndpointInput(name="portal", kind="standard", address=receiver.url, events=["player.*"]),
        actor=OLGA,
    )
    event = office.ban(office.player())
    office.happen()  # no endpoint subscribes to this event
    assert office.deliver() == 1
    assert office.deliver() == 0
    (request,) = receiver.requests
    body = Webhook(secret).verify(request.body, request.headers)
    assert body["type"] == "player.banned"
    assert body["data"]["target"] == {
        "kind": "player",
        "id": str(AuditEvent.objects.get(pk=event).target_id),
        "userId": 156,
        "username": "Nia",
    }
    assert body["data"]["message"] == "Olga banned Nia until 2027-01-01 00:00 UTC: exploiting"
    one = WebhookDelivery.objects.get()
    assert (one.status, one.attempts, one.status_code, one.endpoint_id) == (
        "delivered",
        1,
        200,
        endpoint.pk,
    )
    attempt = WebhookAttempt.objects.get()
    assert (attempt.outcome, attempt.status_code, attempt.response) == ("succeeded", 200, "ok")
    assert request.headers["webhook-id"] in attempt.request
    assert secret not in attempt.request


def test_nothing_is_skipped_while_a_transaction_is_open(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver, events=["policy.*"])
    other = connection.copy()
    try:
        with other.cursor() as cursor:  # an event that begins first and commits last
            cursor.execute("BEGIN")
            cursor.execute(
                "INSERT INTO audits (action, actor_kind, actor_id, target_kind, target_id, experience, request_id,"
                " policy_version, details, commitments)"
                " VALUES ('policy.activated', 'system', 'x', '', '', '', '', '', '{}', '{}')"
            )
            office.happen()
            assert office.deliver() == 1
            cursor.execute("COMMIT")
    finally:
        other.close()
    assert office.deliver() == 1
    assert WebhookDelivery.objects.filter(status="delivered").count() == 2


def test_fan_out_twice_makes_no_second_delivery(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver, events=["policy.*"])
    start = endpoint.position
    office.happen()
    office.fan_out()
    WebhookEndpoint.objects.update(position=start)
    assert fan_out.run() > 0
    assert WebhookDelivery.objects.count() == 1


def test_an_endpoint_hears_only_of_its_experiences_and_patterns(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver, events=["key.*", "*.reconciled"], experiences=["nexus"])
    office.happen(Action.KEY_ROTATED, experience="nexus")
    office.happen(Action.KEY_ROTATED, experience="training_site")
    office.happen(Action.KEY_ROTATED)
    office.happen(Action.POINTS_RECONCILED, experience="nexus")
    office.happen(Action.POINTS_ADJUSTED, experience="nexus")
    office.fan_out()
    assert sorted(WebhookDelivery.objects.values_list("action", flat=True)) == [
        "key.rotated",
        "points.reconciled",
    ]


def test_ten_tries_over_seventy_five_hours_then_given_up_aloud(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(500, b"broken")
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    planned = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for plan in planned:
        began = timezone.now()
        assert office.deliver() == 1
        ended, retry_at = timezone.now(), WebhookDelivery.objects.get().retry_at
        assert (
            began + dt.timedelta(seconds=0.75 * plan)
            <= retry_at
            <= ended + dt.timedelta(seconds=1.25 * plan)
        )
        WebhookDelivery.objects.update(retry_at=timezone.now())
    assert office.deliver() == 1
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len(receiver.requests) == 10
    assert sum(planned) > 75 * 3600
    row = WebhookDelivery.objects.get()
    assert (row.status, row.attempts, row.reason) == ("exhausted", 10, "It answered 500.")
    (failing,) = told(Action.DELIVERY_FAILING)
    assert failing.personal.get(field="targetName").value == "standard"
    health.sweep(timezone.now())
    (event,) = told(Action.DELIVERY_EXHAUSTED)
    assert (event.details["count"], event.personal.get(field="reason").value) == (
        1,
        "It answered 500.",
    )
    health.sweep(timezone.now())
    assert len(told(Action.DELIVERY_EXHAUSTED)) == 1


def test_the_fourth_try_is_told_and_so_is_the_recovery(office: Office, receiver: Receiver) -> None:
    receiver.answer = answering(503)
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    for number in range(1, 5):
        office.deliver()
        assert len(told(Action.DELIVERY_FAILING)) == (1 if number == 4 else 0)
        office.pass_time(days=1)
    receiver.answer = answering(204)
    office.deliver()
    assert len(told(Action.DELIVERY_RECOVERED)) == 1
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.failing_since, endpoint.failing_told_at, endpoint.warnings) == (None, None, 0)


def test_nothing_but_failures_is_warned_about_and_then_disabled(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(500)
    office.endpoint(receiver, events=["policy.*"])
    for _ in range(7):
        office.happen()
        office.deliver()
        health.sweep(timezone.now())
        office.pass_time(hours=23)
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.status == "disabled"
    assert endpoint.reason == "Nothing but failures for 120 hours. It answered 500."
    assert len(told(Action.ENDPOINT_DISABLED)) == 1
    warnings = [
        event.details for event in told(Action.DELIVERY_FAILING) if "disablesAt" in event.details
    ]
    assert len(warnings) == 3
    calls = len(receiver.requests)
    office.happen()
    office.deliver()
    assert len(receiver.requests) == calls


INVALID = b'{"code": 50035, "message": "Invalid Form Body"}'


def refusing(what: str) -> Any:
    """Return a Discord that refuses every message with this text in it."""

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        return (400, {}, INVALID) if what in request.body.decode() else (204, {}, b"")

    return answer


def test_who_refuses_everything_fails_and_is_disabled_and_nothing_more_is_lost(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(400, INVALID)
    office.endpoint(receiver, "discord", events=["policy.*"])
    states = []
    for _ in range(25):
        office.happen()
        office.deliver()
        endpoint = WebhookEndpoint.objects.get()
        states.append(formatting.state(endpoint, timezone.now()).name)
    assert states == ["active"] * 4 + ["failing"] * 15 + ["disabled"] * 6
    assert "It refused 20 different events in a row." in endpoint.reason
    assert "Invalid Form Body (Discord's code 50035)" in endpoint.reason
    assert len(told(Action.DELIVERY_FAILING)) == 1
    assert len(told(Action.ENDPOINT_DISABLED)) == 1
    assert WebhookDelivery.objects.filter(status="exhausted").count() == 20
    receiver.answer = answering(204)
    services.enable(endpoint.pk, actor=OLGA, reason="mended")
    office.deliver()
    assert WebhookDelivery.objects.filter(status="delivered").count() == 5
    endpoint.refresh_from_db()
    assert (endpoint.refused, endpoint.failing_since) == ([], None)


def test_a_burst_that_is_refused_disables_too(office: Office, receiver: Receiver) -> None:
    receiver.answer = answering(400, INVALID)
    office.endpoint(receiver, "discord", events=["policy.*"])
    for _ in range(25):
        office.happen()
    office.deliver()
    assert WebhookEndpoint.objects.get().status == "disabled"
    assert WebhookDelivery.objects.filter(status="pending").count() == 5


def test_one_bad_message_among_good_ones_changes_nothing(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = refusing("poison")
    office.endpoint(receiver, "discord", events=["player.banned"])
    nia = office.player()
    for number in range(50):
        office.ban(nia, reason="poison" if number % 2 else "exploiting")
    office.deliver()
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.status, endpoint.failing_since) == ("active", None)
    assert not told(Action.DELIVERY_FAILING)
    reasons = [re.findall("poison|exploiting", r.body.decode()) for r in receiver.requests]
    assert [one for one in reasons if len(one) == 1] == [["exploiting"], ["poison"]] * 25


def test_one_bad_message_that_is_sent_again_and_again_counts_once(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = refusing("poison")
    office.endpoint(receiver, "discord", events=["player.banned"])
    office.ban(office.player(), reason="poison")
    for _ in range(25):
        office.deliver()
        WebhookDelivery.objects.update(status="pending", retry_at=timezone.now(), attempts=0)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.status, endpoint.failing_since) == ("active", None)
    assert endpoint.refused == [WebhookDelivery.objects.get().pk]


def test_the_state_of_a_failing_endpoint_says_why(office: Office, receiver: Receiver) -> None:
    receiver.answer = answering(503)
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    state = formatting.state(WebhookEndpoint.objects.get(), timezone.now())
    assert state.text.endswith(": It answered 503.")
    receiver.answer = answering(204)
    office.pass_time(days=1)
    office.deliver()
    assert formatting.state(WebhookEndpoint.objects.get(), timezone.now()).text == "active"


def test_events_while_disabled_are_sent_or_skipped(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver, events=["policy.*"])
    services.disable(endpoint.pk, actor=OLGA, reason="moving house")
    office.happen()
    office.happen()
    office.deliver()
    assert receiver.requests == []
    services.enable(endpoint.pk, actor=OLGA, reason="moved")
    assert office.deliver() == 2
    services.disable(endpoint.pk, actor=OLGA, reason="again")
    office.happen()
    office.deliver()
    services.enable(endpoint.pk, actor=OLGA, reason="old news", skip_missed=True)
    assert office.deliver() == 0
    assert told(Action.ENDPOINT_ENABLED)[-1].details["skippedEvents"] > 0
    with pytest.raises(Refused, match="already"):
        services.enable(endpoint.pk, actor=OLGA, reason="once more")


def test_a_gone_receiver_is_disabled_at_once(office: Office, receiver: Receiver) -> None:
    receiver.answer = answering(410)
    endpoint = office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.reason) == (
        "disabled",
        "It answered 410: it is gone for good.",
    )
    assert WebhookDelivery.objects.get().status == "pending"
    receiver.answer = answering(200)
    services.enable(endpoint.pk, actor=OLGA, reason="it is back")
    assert office.deliver() == 1
    assert WebhookDelivery.objects.get().status == "delivered"


@pytest.mark.parametrize(
    ("asked", "waits"), [("120", 120), ("1", 4), ("999999", 86_400), ("soon", 4), ("-5", 4)]
)
def test_retry_after_is_honoured_within_bounds(
    office: Office, receiver: Receiver, asked: str, waits: int
) -> None:
    receiver.answer = answering(503, retry_after=asked)
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    wait = (WebhookDelivery.objects.get().retry_at - timezone.now()).total_seconds()
    assert waits - 2 <= wait <= waits * 1.5 + 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(office: Office, receiver: Receiver, status: int) -> None:
    receiver.answer = lambda request: (status, {"location": receiver.url + "elsewhere"}, b"")
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    assert [request.path for request in receiver.requests] == ["/hooks/grps"]
    assert "redirect" in WebhookDelivery.objects.get().reason


def test_both_secrets_sign_for_a_day_after_a_rotation(office: Office, receiver: Receiver) -> None:
    wanted = EndpointInput(
        name="portal", kind="standard", address=receiver.url, events=["policy.*"]
    )
    endpoint, old = services.create(wanted, actor=OLGA)
    _, new = services.rotate(endpoint.pk, actor=OLGA)
    office.happen()
    office.deliver()
    for secret in (old, new):
        Webhook(secret).verify(receiver.requests[-1].body, receiver.requests[-1].headers)
    WebhookEndpoint.objects.update(previous_until=timezone.now() - dt.timedelta(seconds=1))
    health.sweep(timezone.now())
    assert WebhookEndpoint.objects.get().previous_secret_sealed == ""
    WebhookEndpoint.objects.update(version=99)  # another process would have to decrypt it again
    office.happen()
    office.deliver()
    assert receiver.requests[-1].headers["webhook-signature"].count("v1,") == 1
    Webhook(new).verify(receiver.requests[-1].body, receiver.requests[-1].headers)


def test_without_a_secret_of_its_own_the_default_signs(
    office: Office, receiver: Receiver, settings: object
) -> None:
    from django.conf import settings as live

    office.endpoint(receiver, events=["policy.*"])
    WebhookEndpoint.objects.update(secret_sealed="")
    office.happen()
    office.deliver()
    Webhook(live.WEBHOOK_VERIFICATION_KEY).verify(
        receiver.requests[0].body, receiver.requests[0].headers
    )


def test_a_rate_is_kept_also_by_two_workers(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver, events=["policy.*"], rate=120)
    for _ in range(30):
        office.happen()
    office.fan_out()
    began = time.monotonic()
    with transaction.atomic():
        first = queue.exchange("one", [], IDLE)
    with transaction.atomic():
        second = queue.exchange("two", [], IDLE)
    spent = time.monotonic() - began
    assert 1 <= len(first) + len(second) <= 2 + 2 * spent + 1


def test_a_slow_endpoint_delays_nobody(office: Office, receiver: Receiver) -> None:
    all_quick = threading.Event()

    def quick(request: Received) -> tuple[int, dict[str, str], bytes]:
        if len(receiver.requests) == 40:
            all_quick.set()
        return 200, {}, b""

    receiver.answer = quick
    with Receiver() as slow:
        slow.answer = lambda request: (all_quick.wait(60), (200, {}, b""))[1]
        office.endpoint(slow, name="slow", events=["policy.*"])
        office.endpoint(receiver, name="quick", events=["policy.*"])
        for _ in range(40):
            office.happen()
        office.fan_out()
        worker.run(60)
    assert all_quick.is_set()
    assert WebhookDelivery.objects.filter(status="delivered").count() == 80
    # None failed: each slow call was answered in time, which was possible only after all quick ones
    # had arrived.
    assert set(WebhookAttempt.objects.values_list("outcome", flat=True)) == {"succeeded"}


def test_a_worker_that_died_loses_nothing_and_its_try_is_marked(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.fan_out()
    (call,) = queue.exchange("the one that dies", [], IDLE)
    assert office.deliver() == 0  # the lost worker still has it
    office.pass_time(seconds=queue.lease() + 1)
    assert office.deliver() == 1
    lost, done = WebhookAttempt.objects.order_by("pk")
    assert (lost.outcome, done.outcome) == ("lost", "succeeded")
    assert call.deliveries[0].webhook_id == receiver.requests[0].headers["webhook-id"]


def test_a_worker_that_comes_back_too_late_changes_nothing(
    office: Office, receiver: Receiver
) -> None:
    from webhooks.formats.base import AnswerVerdict, AttemptOutcome
    from webhooks.outbound.queue import FinishedCall

    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.fan_out()
    (call,) = queue.exchange("the slow one", [], IDLE)
    office.pass_time(seconds=queue.lease() + 1)
    office.deliver()
    late = FinishedCall(
        call, AnswerVerdict(AttemptOutcome.FAILED, "It did not answer."), None, 15_000, b""
    )
    queue.exchange("the slow one", [late], EndpointLoad({}, frozenset(), 0))
    row = WebhookDelivery.objects.get()
    assert (row.status, row.reason, row.status_code) == ("delivered", "", 200)


def test_whatever_ends_workers_is_given_up_in_the_end(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.fan_out()
    for number in range(retry_policy.max_attempts()):
        assert queue.exchange(f"worker {number}", [], IDLE), number
        office.pass_time(seconds=queue.lease() + 1)
    assert queue.exchange("the last", [], IDLE) == []
    row = WebhookDelivery.objects.get()
    assert (row.status, row.reason) == ("exhausted", queue.LOST)


def test_a_message_that_cannot_be_written_holds_up_no_other(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver, events=["policy.*", "rank.*"])
    office.happen(Action.RANK_PROMOTED, details={"before": "not what it should be"})
    office.happen()
    assert office.deliver() == 1
    bad = WebhookDelivery.objects.get(action="rank.promoted")
    assert (bad.status, bad.attempts) == ("pending", 0)
    assert bad.reason.startswith("It cannot be rendered")
    assert bad.retry_at > timezone.now() + dt.timedelta(minutes=30)


def test_somebody_erased_before_it_was_sent_is_not_named(
    office: Office, receiver: Receiver
) -> None:
    office.endpoint(receiver, events=["player.banned"])
    office.ban(office.player(username="Secret Name"), reason="Secret Name did it")
    office.fan_out()
    erase(
        156,
        by=Staff(OLGA, rank=None, bypasses_second_person=True),
        reason="an order",
        now=timezone.now(),
    )
    office.deliver()
    (request,) = receiver.requests
    assert b"Secret Name" not in request.body
    assert json.loads(request.body)["data"]["message"].startswith(
        "Olga banned a player who was erased"
    )


def test_an_endpoint_is_not_told_of_its_own_trouble(office: Office, receiver: Receiver) -> None:
    with Receiver() as operators:
        receiver.answer = answering(410)
        office.endpoint(receiver, name="gone", events=["*"])
        office.endpoint(operators, name="operators", events=["endpoint.disabled"])
        office.happen()
        office.deliver()
        office.deliver()
        assert [
            json.loads(request.body)["data"]["details"]["name"] for request in operators.requests
        ] == ["gone"]
    gone = WebhookEndpoint.objects.get(name="gone")
    assert not gone.deliveries.filter(action="endpoint.disabled").exists()


def test_resend_recover_and_replay_keep_the_id(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    row = WebhookDelivery.objects.get()
    redelivery.resend(row.pk, actor=OLGA)
    assert office.deliver() == 1
    WebhookDelivery.objects.update(status="exhausted", finished_at=timezone.now())
    assert redelivery.recover(endpoint.pk, timezone.now() - dt.timedelta(hours=1), actor=OLGA) == 1
    assert office.deliver() == 1
    assert redelivery.replay(endpoint.pk, endpoint.position, 10**9, actor=OLGA) == 1
    assert office.deliver() == 1
    triggers = WebhookAttempt.objects.order_by("pk").values_list("trigger", flat=True)
    assert list(triggers) == ["event", "resend", "recover", "replay"]
    WebhookAttempt.objects.all().delete()
    WebhookDelivery.objects.all().delete()
    assert redelivery.replay(endpoint.pk, endpoint.position, 10**9, actor=OLGA) == 1
    assert office.deliver() == 1
    assert WebhookAttempt.objects.get().trigger == "replay"
    WebhookDelivery.objects.all().delete()
    office.happen()
    assert redelivery.replay(endpoint.pk, 0, 10**9, actor=OLGA) >= 1
    assert office.deliver() >= 1
    ids = [request.headers["webhook-id"] for request in receiver.requests[:4]]
    assert len(set(ids)) == 1
    assert len(told(Action.DELIVERY_RESENT)) == 5


def test_an_example_of_every_action_can_be_sent(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver)
    redelivery.send_examples(endpoint.pk, list(Action))
    assert office.deliver() >= len(Action)
    examples = [
        json.loads(r.body) for r in receiver.requests if json.loads(r.body)["data"].get("example")
    ]
    assert {body["type"] for body in examples} == {str(action) for action in Action}


def test_old_finished_deliveries_go_and_what_waits_stays(
    office: Office, receiver: Receiver
) -> None:
    from webhooks.outbound import retention

    office.endpoint(receiver, events=["policy.*"])
    office.happen()
    office.deliver()
    office.happen()
    office.fan_out()
    WebhookDelivery.objects.filter(status="delivered").update(
        finished_at=timezone.now() - dt.timedelta(days=31)
    )
    assert retention.run(timezone.now()) == 1
    assert list(WebhookDelivery.objects.values_list("status", flat=True)) == ["pending"]
    assert not WebhookAttempt.objects.exists()
