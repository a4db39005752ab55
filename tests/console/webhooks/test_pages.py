"""The console's pages of endpoints: what staff see and owners do."""

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audits.actions import Action
from audits.models import AuditEvent
from players.models import Approval, Player, Rank
from roblox.models import Experience
from tests.console.people import client_as, client_with_role, local_owner, owner_client, signed_in
from tests.webhooks.conftest import OLGA, Office, answering
from tests.webhooks.receivers import Receiver
from webhooks.endpoints import redelivery, services, statistics
from webhooks.endpoints.validation import EndpointInput
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

LIST = "/admin/webhooks/webhookendpoint/"
DELIVERIES = "/admin/webhooks/webhookdelivery/"
NASTY = "<script>alert('x')</script>\"'&{{7*7}}"
ADDRESS = "https://hooks.example.com/in/Zq93kfPrivatePathToken88"
ADDED = {
    "name": "portal",
    "kind": "standard",
    "address": ADDRESS,
    "events": "rank.*\nplayer.banned",
    "reason": "The portal needs it.",
}
ACTS = ("examples", "recover", "replay", "rotate", "disable", "delete", "edit")
EXAMPLE_HEADER = "Authorization: Bearer very-private-value"


@pytest.fixture
def owner(office: Office) -> Client:
    return owner_client("olga")


@pytest.fixture
def auditor(office: Office) -> Client:
    return client_with_role(office.player(9001), "auditor")


def page(endpoint: WebhookEndpoint) -> str:
    return f"{LIST}{endpoint.pk}/change/"


def act(endpoint: WebhookEndpoint, name: str) -> str:
    return f"{LIST}{endpoint.pk}/{name}/"


def seen(client: Client, address: str, /, **data: Any) -> str:
    """Return the text of a page, or of the page after a POST."""
    response = client.post(address, data, follow=True) if data else client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def confirmed(client: Client, address: str, told: str, /, **data: Any) -> str:
    """Send a form whose number `told` is asked about, and say yes. Returns the resulting page."""
    before = sorted(WebhookDelivery.objects.values_list("pk", "retry_at", "status"))
    question = seen(client, address, **data)
    assert told in question
    assert sorted(WebhookDelivery.objects.values_list("pk", "retry_at", "status")) == before
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', question)
    kept: dict[str, list[str]] = {}
    for name, value in hidden:
        kept.setdefault(name, []).append(value)
    return seen(client, address, **{name: one for name, one in kept.items() if "csrf" not in name})


def let(approval: Approval, verb: str = "approve") -> str:
    """Decide on a request as a second owner. Returns the text of the resulting page."""
    deputy = owner_client("dora")
    answer = deputy.post(
        f"/admin/approvals/{approval.pk}/", {"verb": verb, "words": "checked"}, follow=True
    )
    return unescape(answer.content.decode())


def asked(client: Client, address: str, /, **data: Any) -> Approval:
    """Send a form that needs an approval. Returns the request; nothing has changed yet."""
    assert client.post(address, {"reason": "The portal needs it."} | data).status_code in {200, 302}
    return Approval.objects.get(status="waiting")


def added(client: Client, **data: Any) -> WebhookEndpoint:
    let(asked(client, f"{LIST}add/", **(ADDED | data)))
    return WebhookEndpoint.objects.order_by("-pk")[0]


def delivery_page(delivery: WebhookDelivery) -> str:
    return f"{DELIVERIES}{delivery.pk}/change/"


def failed(office: Office, receiver: Receiver, **changes: Any) -> WebhookEndpoint:
    """Create an endpoint with one refused delivery that waits for its next attempt."""
    receiver.answer = answering(500, b"out of order")
    endpoint = office.endpoint(receiver, **changes)
    office.ban(office.player())
    office.deliver()
    endpoint.refresh_from_db()
    return endpoint


def give_up(endpoint: WebhookEndpoint) -> None:
    endpoint.deliveries.update(
        status="exhausted", finished_at=timezone.now(), reason="It answered 500."
    )


def test_a_secret_is_shown_once(owner: Client, office: Office) -> None:
    response = owner.post(
        f"{LIST}add/", {**ADDED, "headers": EXAMPLE_HEADER, "reason": "The portal"}
    )
    assert not WebhookEndpoint.objects.exists()
    let(Approval.objects.get())
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.secret in unescape(response.content.decode())
    assert "no-store" in response["Cache-Control"]
    assert endpoint.headers == {"Authorization": "Bearer very-private-value"}
    response = owner.post(
        act(endpoint, "rotate"), {"version": endpoint.version, "reason": "Somebody left"}
    )
    assert WebhookEndpoint.objects.get().secret == endpoint.secret
    let(Approval.objects.get(status="waiting"))
    first, endpoint = endpoint, WebhookEndpoint.objects.get()
    assert endpoint.secret in unescape(response.content.decode())
    assert "no-store" in response["Cache-Control"]
    told = "".join(
        seen(owner, address)
        for address in (
            LIST,
            page(endpoint),
            act(endpoint, "edit"),
            act(endpoint, "rotate"),
            "/admin/",
        )
    )
    told += "".join(str(one.arguments) for one in Approval.objects.all())
    told += "".join(str(event.details) for event in AuditEvent.objects.all())
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(value, '') FROM audit_personal")
        told += cursor.fetchone()[0]
    for hidden in (endpoint.secret, first.secret, ADDRESS, "Zq93kf", "very-private-value"):
        assert hidden not in told
    assert "https://hooks.example.com/…en88" in told


def test_hidden_fields_do_not_return_with_an_error(owner: Client) -> None:
    asked = ADDED | {
        "events": "comet.*",
        "headers": f"{EXAMPLE_HEADER}\nBearer pasted-without-name",
    }
    for wrong in (
        asked,
        asked | {"headers": EXAMPLE_HEADER},
        ADDED | {"address": "ftp://x/Zq93kf", "headers": ""},
    ):
        text = seen(owner, f"{LIST}add/", **wrong)
        assert not WebhookEndpoint.objects.exists()
        for hidden in ("Zq93kf", "very-private-value", "pasted-without-name"):
            assert hidden not in text


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": ""}),
        ("address", {"address": ""}),
        ("address", {"address": "not an address"}),
        ("address", {"kind": "discord"}),
        ("events", {"events": "comet.*"}),
        ("rate", {"rate": "0"}),
        ("headers", {"headers": "Host: x"}),
        ("headers", {"headers": "no colon"}),
    ],
)
def test_an_error_stands_at_the_field_that_it_is_about(
    owner: Client, field: str, changes: dict[str, str]
) -> None:
    response = owner.post(f"{LIST}add/", ADDED | changes)
    assert set(response.context["form"].errors) == {field}
    assert not WebhookEndpoint.objects.exists()


def test_a_change_keeps_what_is_left_empty(owner: Client) -> None:
    endpoint = added(owner, headers=EXAMPLE_HEADER)
    experience = Experience.objects.order_by("key")[0].key
    changes = {"name": "portal 2", "events": "*", "experiences": [experience], "rate": "60"}
    assert "The endpoint portal 2 is changed." in seen(owner, act(endpoint, "edit"), **changes)
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.events, endpoint.experiences, endpoint.rate) == (
        "portal 2",
        ["*"],
        [experience],
        60,
    )
    assert (endpoint.address, endpoint.kind) == (ADDRESS, "standard")
    assert endpoint.headers == {"Authorization": "Bearer very-private-value"}
    moved = changes | {"drop_headers": "on", "address": "https://example.com/new"}
    assert "say why" in seen(owner, act(endpoint, "edit"), **moved)
    request = asked(owner, act(endpoint, "edit"), **moved)
    endpoint.refresh_from_db()
    assert endpoint.address == ADDRESS
    assert "Have the endpoint portal 2 send to example.com and send other headers" in seen(
        owner, page(endpoint)
    )
    let(request)
    endpoint.refresh_from_db()
    assert (endpoint.address, endpoint.headers) == ("https://example.com/new", {})


def test_headers_cannot_be_removed_while_the_keys_are_missing(
    owner: Client, office: Office, receiver: Receiver, settings: Any
) -> None:
    endpoint = office.endpoint(receiver)
    settings.FIELD_ENCRYPTION_KEYS = []
    text = seen(
        owner, act(endpoint, "edit"), name="x", events="*", drop_headers="on", reason="unused"
    )
    assert "FIELD_ENCRYPTION_KEYS is not configured" in text
    assert not Approval.objects.exists()


def test_an_endpoint_deleted_meanwhile_is_refused_in_words(
    owner: Client, office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = office.endpoint(receiver)
    monkeypatch.setattr(
        "console.webhooks.views.EndpointForm.endpoint_input",
        lambda form: (
            services.delete(endpoint.pk, actor=OLGA, reason="gone")
            or EndpointInput(name="x", kind="standard", events=["*"])
        ),
    )
    text = seen(owner, act(endpoint, "edit"), name="x", events="*")
    assert "The endpoint was deleted meanwhile." in text


def test_nobody_alone_decides_where_messages_go(
    owner: Client, auditor: Client, office: Office
) -> None:
    request = asked(owner, f"{LIST}add/", **ADDED)
    assert "hooks.example.com" in seen(owner, f"/admin/approvals/{request.pk}/")
    owner.post(f"/admin/approvals/{request.pk}/", {"verb": "approve", "words": "my own"})
    auditor.post(f"/admin/approvals/{request.pk}/", {"verb": "approve", "words": "why not"})
    assert not WebhookEndpoint.objects.exists()
    assert "asked for already" in seen(owner, f"{LIST}add/", **ADDED)
    let(request, "reject")
    request.refresh_from_db()
    assert (request.status, "sealed" in request.arguments) == ("rejected", False)
    assert not WebhookEndpoint.objects.exists()


def test_a_request_for_a_changed_endpoint_is_not_executed(owner: Client, office: Office) -> None:
    endpoint = added(owner)
    request = asked(owner, act(endpoint, "rotate"), version=endpoint.version)
    services.change(
        endpoint.pk, EndpointInput(name="other", kind="standard", events=["*"]), actor=OLGA
    )
    assert "was changed or deleted since" in let(request)
    assert WebhookEndpoint.objects.get().secret == endpoint.secret


def test_who_is_no_owner_any_more_has_no_request_carried_out(owner: Client, office: Office) -> None:
    request = asked(owner, f"{LIST}add/", **ADDED)
    User.objects.filter(username="olga").update(is_active=False)
    assert "may not act any more" in let(request)
    assert not WebhookEndpoint.objects.exists()


def test_a_rotation_sent_twice_makes_one_secret(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver)
    given = {"version": endpoint.version, "reason": "Somebody left"}
    request = asked(owner, act(endpoint, "rotate"), **given)
    assert "asked for already" in seen(owner, act(endpoint, "rotate"), **given)
    let(request)
    made = WebhookEndpoint.objects.get().secret
    assert "changed meanwhile" in seen(owner, act(endpoint, "rotate"), **given)
    assert WebhookEndpoint.objects.get().secret == made
    assert re.search(
        r"Two secrets sign. The former one stops in 23 h 59 min", seen(owner, page(endpoint))
    )


def test_discord_has_no_secret_to_rotate(owner: Client, office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver, "discord")
    assert "/rotate/" not in seen(owner, page(endpoint))
    assert "has none" in seen(owner, act(endpoint, "rotate"), version=endpoint.version, reason="x")


def test_disabling_takes_a_reason_and_says_what_was_missed(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver)
    office.deliver()
    assert "This field is required" in seen(owner, act(endpoint, "disable"), reason=" ")
    assert "disabled since" in seen(owner, act(endpoint, "disable"), reason="it moves house")
    office.ban(office.player())
    office.fan_out()
    asking = seen(owner, act(endpoint, "enable"))
    assert re.search(r"2 events happened meanwhile", asking)  # the disabling, and the ban
    seen(owner, act(endpoint, "enable"), reason="it is back", missed="skip")
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.reason) == ("active", "it is back")
    office.deliver()
    assert "player.banned" not in {delivery.action for delivery in endpoint.deliveries.all()}


def test_what_was_missed_is_sent_when_it_is_asked_for(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver)
    seen(owner, act(endpoint, "disable"), reason="it moves house")
    office.ban(office.player())
    office.fan_out()
    seen(owner, act(endpoint, "enable"), reason="it is back", missed="send")
    office.deliver()
    assert endpoint.deliveries.get(action="player.banned").status == "delivered"


def test_examples_of_chosen_events_or_of_all_go_out(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver, events=["rank.*"])
    assert "Choose at least one event" in seen(owner, act(endpoint, "examples"), every="")
    assert "1 example is on the way" in seen(
        owner, act(endpoint, "examples"), actions=["player.banned"]
    )
    every = sum(action.startswith("rank.") for action in Action)
    assert f"{every} examples are on the way" in confirmed(
        owner, act(endpoint, "examples"), f"{every} invented events are sent", every="on"
    )
    office.deliver()
    assert len(receiver.requests) == every + 1
    assert set(endpoint.deliveries.values_list("status", "trigger")) == {("delivered", "example")}


def test_a_delivery_is_sent_again_and_lists_every_try(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = failed(office, receiver, events=["player.*"])
    delivery = endpoint.deliveries.get()
    text = seen(owner, delivery_page(delivery))
    for told in (
        "Olga banned Nia",
        "It answered 500.",
        "out of order",
        "webhook-signature: v1,",
        "failed, 500",
    ):
        assert told in text
    assert "Next attempt" in text
    assert f"/admin/audits/auditevent/{delivery.event_id}/change/" in text
    receiver.answer = answering(200, b"thanks")
    assert "It is sent again." in seen(owner, f"{DELIVERIES}{delivery.pk}/again/", confirm="yes")
    office.deliver()
    text = seen(owner, delivery_page(delivery))
    assert text.count('aria-labelledby="attempt-') == 2
    assert "thanks" in text
    assert "cause: resend" in text


def test_all_that_was_given_up_since_a_time_is_recovered(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = failed(office, receiver, events=["player.*"])
    give_up(endpoint)
    assert "1 delivery was given up since" in seen(owner, act(endpoint, "recover"))
    late = (timezone.now() + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    assert "No delivery was given up" in seen(owner, act(endpoint, "recover"), since=late)
    early = (timezone.now() - dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    told = f"It is sent to {endpoint.name} again"
    assert "1 delivery is tried again" in confirmed(
        owner, act(endpoint, "recover"), told, since=early
    )
    receiver.answer = answering(200)
    office.deliver()
    assert endpoint.deliveries.get().status == "delivered"


def test_events_are_replayed_from_a_place_or_a_time(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver, events=["player.*"])
    office.ban(office.player())
    office.deliver()
    for start in ({"after": "0"}, {"since": "2020-01-01T00:00"}):
        told = f"1 event is sent to {endpoint.name}, also what arrived before"
        assert "1 event is sent again" in confirmed(owner, act(endpoint, "replay"), told, **start)
        office.deliver()
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len(receiver.requests) == 3
    assert "subscribes to no event of that stretch" in seen(
        owner, act(endpoint, "replay"), since="2100-01-01T00:00"
    )
    # What was counted is no longer what would be sent: it is asked about again.
    old = {"after": "0", "confirmed": "7 of 0 to 99"}
    assert "The number changed meanwhile" in seen(owner, act(endpoint, "replay"), **old)
    for wrong in (
        {"after": ""},
        {"after": "0", "since": "2020-01-01T00:00"},
        {"after": "-1"},
        {"since": "soon"},
    ):
        assert owner.post(act(endpoint, "replay"), wrong).context["form"].errors


def test_too_long_a_stretch_is_left_to_the_command(
    owner: Client, office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.webhooks.endpoint_actions.REPLAY_LIMIT", 0)
    assert "manage.py webhooks replay" in seen(
        owner, act(office.endpoint(receiver), "replay"), after="0"
    )


def test_deleting_takes_a_reason_and_leaves_the_audit_log(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = failed(office, receiver)
    assert "This field is required" in seen(owner, act(endpoint, "delete"), reason="")
    assert "The endpoint standard is deleted." in seen(
        owner, act(endpoint, "delete"), reason="it is gone"
    )
    assert not WebhookEndpoint.objects.exists()
    assert AuditEvent.objects.filter(action="endpoint.deleted").count() == 1
    assert owner.get(page(endpoint)).status_code == 404


def test_an_auditor_sees_everything_and_changes_nothing(
    auditor: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = failed(office, receiver, events=["player.*"])
    delivery = endpoint.deliveries.get()
    text = (
        seen(auditor, LIST) + seen(auditor, page(endpoint)) + seen(auditor, delivery_page(delivery))
    )
    assert "failing since" in text
    for control in ("/add/", "/edit/", "/disable/", "Send again", "/rotate/"):
        assert control not in text
    events = AuditEvent.objects.count()
    forbidden = [f"{LIST}add/", *(act(endpoint, name) for name in (*ACTS, "enable"))]
    for address in forbidden:
        assert auditor.get(address).status_code == 403, address
        assert (
            auditor.post(address, {"reason": "x", "version": 1, "every": "on", **ADDED}).status_code
            == 403
        ), address
    assert auditor.post(f"{DELIVERIES}{delivery.pk}/again/").status_code == 403
    assert AuditEvent.objects.count() == events
    assert WebhookDelivery.objects.count() == 1


def test_staff_without_the_permission_do_not_see_endpoints(
    office: Office, receiver: Receiver
) -> None:
    moderator = office.player(9002)
    Player.objects.filter(pk=moderator.pk).update(rank=Rank.objects.get(name="Tempest Major"))
    client = client_as(Player.objects.get(pk=moderator.pk))
    endpoint = failed(office, receiver, events=["player.*"])
    for address in (LIST, page(endpoint), DELIVERIES, delivery_page(endpoint.deliveries.get())):
        assert client.get(address).status_code == 403
    assert Client().get(page(endpoint)).status_code == 302


def test_looking_changes_nothing(owner: Client, office: Office, receiver: Receiver) -> None:
    endpoint = failed(office, receiver, events=["player.*"])
    delivery = endpoint.deliveries.get()

    def rows() -> list[Any]:
        tables = (
            WebhookEndpoint.objects,
            WebhookDelivery.objects,
            WebhookAttempt.objects,
            AuditEvent.objects,
        )
        return [list(table.order_by("pk").values()) for table in tables]

    before = rows()
    for address in (
        LIST,
        f"{LIST}add/",
        page(endpoint),
        *(act(endpoint, name) for name in (*ACTS, "enable")),
    ):
        assert owner.get(address).status_code == 200
    assert owner.get(f"{DELIVERIES}{delivery.pk}/again/").status_code == 405
    assert owner.post(page(endpoint)).status_code == 405
    assert rows() == before


def test_a_post_without_the_token_is_refused(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver)
    client = signed_in(local_owner("olga"), Client(enforce_csrf_checks=True))
    assert client.post(act(endpoint, "disable"), {"reason": "x"}).status_code == 403
    endpoint.refresh_from_db()
    assert endpoint.status == "active"


def test_hostile_names_reasons_and_answers_are_shown_as_text(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(500, NASTY.encode() + b"\xff\x00</pre>")
    endpoint = office.endpoint(receiver, name=NASTY[:60], events=["player.*"])
    office.ban(office.player(username=NASTY[:20]), reason=NASTY)
    office.deliver()
    services.disable(endpoint.pk, actor=OLGA, reason=NASTY)
    delivery = endpoint.deliveries.get()
    addresses = [LIST, DELIVERIES, page(endpoint), delivery_page(delivery), act(endpoint, "edit")]
    addresses += [act(endpoint, name) for name in ("recover", "delete", "enable")]
    for address in addresses:
        raw = owner.get(address).content.decode()
        assert "<script>alert" not in raw
        assert "\ufffd</pre>" not in raw
        assert "alert(" in raw
    assert (
        owner.post(act(endpoint, "delete"), {"reason": NASTY}, follow=True).content.count(
            b"<script>alert"
        )
        == 0
    )


def test_the_console_has_neither_inline_script_nor_style(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = failed(office, receiver, events=["player.*"])
    addresses = [LIST, f"{LIST}add/", page(endpoint), delivery_page(endpoint.deliveries.get())]
    for address in [*addresses, *(act(endpoint, name) for name in ACTS)]:
        response = owner.get(address)
        text = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text), address
        assert "script-src 'self'" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "active"),
        ({"paused_until": dt.timedelta(minutes=30)}, "paused for 29 min"),
        ({"failing_since": dt.timedelta(hours=-3)}, "failing since"),
        ({"status": "disabled", "reason": "Nothing but failures."}, "Nothing but failures."),
    ],
)
def test_every_state_is_told_in_words(
    owner: Client, office: Office, receiver: Receiver, changes: dict[str, Any], words: str
) -> None:
    endpoint = office.endpoint(receiver)
    now = timezone.now()
    moved = {
        name: now + value if isinstance(value, dt.timedelta) else value
        for name, value in changes.items()
    }
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**moved)
    for address in (LIST, page(endpoint)):
        assert words in re.sub(r"<span class=\"wh-mark\".*?</span>", "", seen(owner, address))


def test_the_strip_tells_fine_from_failed_half_hours(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(500)
    endpoint = office.endpoint(receiver, events=["player.*"])
    office.ban(office.player())
    office.deliver()
    failed = WebhookAttempt.objects.get()
    receiver.answer = answering(200)
    redelivery.resend(endpoint.deliveries.get().pk, actor=OLGA)
    office.deliver()
    now = timezone.now()
    WebhookAttempt.objects.update(started_at=now)
    WebhookAttempt.objects.filter(pk=failed.pk).update(started_at=now - dt.timedelta(hours=5))
    strip = statistics.figures([endpoint.pk], now)[endpoint.pk].strip
    assert [cell.state for cell in strip if cell.tries] == ["failed", "fine"]
    assert strip[-1].state == "fine"
    assert strip[-11].state == "failed"
    for address in (LIST, page(endpoint)):
        assert (
            f"Last 24 hours: 2 tries, 1 failed (half hours from {strip[-11].start:%H:%M} UTC)."
            in seen(owner, address)
        )


def test_the_figures_are_those_of_the_time_and_of_the_endpoint(
    office: Office, receiver: Receiver
) -> None:
    endpoint, other = office.endpoint(receiver), office.endpoint(receiver, name="other")
    now = timezone.now()

    def row(
        owner: WebhookEndpoint, status: str, age: dt.timedelta, *tries: tuple[str, int]
    ) -> None:
        at = None if status == "pending" else now - age
        made = WebhookDelivery.objects.create(
            endpoint=owner, action="rank.set", status=status, finished_at=at, created_at=now - age
        )
        for outcome, took in tries:
            WebhookAttempt.objects.create(
                delivery=made,
                call=made.message or "00000000-0000-0000-0000-000000000000",
                started_at=now - age,
                outcome=outcome,
                milliseconds=took,
                request="",
            )

    hour, days = dt.timedelta(hours=1), dt.timedelta(days=3)
    row(endpoint, "delivered", hour, ("failed", 100), ("succeeded", 200))
    row(endpoint, "delivered", hour, ("deferred", 9), ("succeeded", 300))
    row(endpoint, "exhausted", hour, ("lost", 400))
    row(endpoint, "delivered", days, ("succeeded", 1000))
    row(endpoint, "pending", hour, ("failed", 500))
    row(other, "exhausted", hour, ("failed", 7))
    day, week = (
        statistics.window(endpoint.pk, now - span) for span in (statistics.DAY, statistics.WEEK)
    )
    assert (day.delivered, day.given_up, day.tries, day.median) == (2, 1, 4, 300)
    assert (day.deliveries, day.tries_each) == (3, 4 / 3)
    assert day.success == pytest.approx(200 / 3)
    assert day.slow == pytest.approx(480)
    assert (week.delivered, week.given_up, week.tries) == (3, 1, 5)
    figures = statistics.figures([endpoint.pk, other.pk], now)
    assert (figures[endpoint.pk].waiting, figures[endpoint.pk].oldest) == (1, now - hour)
    assert (figures[other.pk].waiting, figures[other.pk].oldest) == (0, None)


def test_many_failed_half_hours_are_counted_instead_of_named(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(500)
    endpoint = office.endpoint(receiver, events=["player.*"])
    office.ban(office.player())
    office.deliver()
    now, attempt = timezone.now(), WebhookAttempt.objects.get()
    for hours in range(1, 9):
        attempt.pk, attempt.started_at = None, now - dt.timedelta(hours=hours)
        attempt.save()
    text = statistics.figures([endpoint.pk], now)[endpoint.pk].strip_text
    assert text.startswith("Last 24 hours: 9 tries, 9 failed (in 9 half hours, the last from ")


def test_older_deliveries_are_called_uncounted(office: Office, receiver: Receiver) -> None:
    endpoint = office.endpoint(receiver)
    now = timezone.now()
    for hours in (20, 10, 5):
        WebhookDelivery.objects.create(
            endpoint=endpoint, action="rank.set", created_at=now - dt.timedelta(hours=hours)
        )
    strip = statistics.figures([endpoint.pk], now, most=2)[endpoint.pk].strip
    assert strip[0].state == "unknown"
    assert strip[-10].state == "idle"
    assert {
        cell.state for cell in statistics.figures([endpoint.pk], now, most=4)[endpoint.pk].strip
    } == {"idle"}


@pytest.mark.parametrize("status", ["", "delivered", "pending", "exhausted"])
def test_paging_shows_every_delivery_once(
    owner: Client, office: Office, receiver: Receiver, status: str
) -> None:
    endpoint = office.endpoint(receiver)
    now = timezone.now()
    kept = status or "delivered"
    finished = None if kept == "pending" else now
    for number in range(60):  # in pairs with equal times, which a page may separate
        moment = now + dt.timedelta(seconds=number // 2)
        WebhookDelivery.objects.create(
            endpoint=endpoint,
            action="rank.set",
            status=kept,
            retry_at=moment,
            finished_at=finished and moment,
        )
    other = "exhausted" if kept != "exhausted" else "delivered"
    if status:
        WebhookDelivery.objects.create(
            endpoint=endpoint, action="rank.set", status=other, finished_at=now
        )
    shown: list[str] = []
    address = f"{page(endpoint)}?status={status}"
    for _ in range(4):
        text = seen(owner, address).partition('id="deliveries"')[2]
        shown += re.findall(r"/webhookdelivery/(\d+)/change/", text)
        more = re.search(r'href="(\?[^"]*before=[^"]*)#deliveries"', text)
        if more is None:
            break
        address = page(endpoint) + more[1]
    assert len(shown) == 60
    assert set(map(int, shown)) == set(
        endpoint.deliveries.filter(status=kept).values_list("pk", flat=True)
    )


def test_a_cursor_that_makes_no_sense_is_no_error(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = office.endpoint(receiver)
    cursors = [
        "x",
        "1",
        ".",
        "1.x",
        "9" * 40 + ".1",
        "9999999999999999.1",
        "-1.2",
        "1.9" * 9,
        "٣.٣",
        "1." + "9" * 18,
    ]
    for cursor in cursors:
        for status in ("", "delivered", "pending", "exhausted", "nonsense"):
            assert (
                owner.get(page(endpoint), {"status": status, "before": cursor}).status_code == 200
            ), cursor


def test_addresses_that_lead_nowhere_are_not_found(owner: Client) -> None:
    for pk in ("0", "999999999999999999", "99999999999999999999999", "x"):
        assert owner.get(f"{LIST}{pk}/change/").status_code == 404
        assert owner.get(f"{DELIVERIES}{pk}/change/").status_code == 404


def test_pages_cost_the_same_queries_however_much_there_is(
    owner: Client, office: Office, receiver: Receiver
) -> None:
    endpoint = failed(office, receiver, events=["player.*"])

    def cost(address: str) -> tuple[int, str]:
        with CaptureQueriesContext(connection) as asked:
            assert owner.get(address).status_code == 200
        return len(asked), " ".join(query["sql"] for query in asked.captured_queries)

    few = [cost(address)[0] for address in (LIST, page(endpoint))]
    for number in range(5):
        other = office.endpoint(receiver, name=f"another {number}")
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(
                endpoint=each, action="rank.set", status=status, finished_at=timezone.now()
            )
            for each in (endpoint, other)
            for status in ("pending", "delivered", "exhausted")
            for _ in range(20)
        )
    many = [cost(address) for address in (LIST, page(endpoint))]
    assert all(queries <= before for (queries, _), before in zip(many, few, strict=True))
    assert max(few) <= 25
    assert not any(
        re.search(r'COUNT\(\*\)[^(]*FROM "webhook_deliveries"', text) for _, text in many
    )


def test_pages_open_without_the_keys_that_sealed_the_addresses(
    owner: Client, office: Office, receiver: Receiver, settings: Any
) -> None:
    endpoint = office.endpoint(receiver)
    settings.FIELD_ENCRYPTION_KEYS = []
    for address in (LIST, page(endpoint), act(endpoint, "edit")):
        assert "cannot be opened with the keys" in seen(owner, address)
    assert "FIELD_ENCRYPTION_KEYS is not configured" in seen(
        owner, f"{LIST}add/", **(ADDED | {"name": "other"})
    )


def test_the_list_names_what_it_shows(owner: Client, office: Office, receiver: Receiver) -> None:
    endpoint = failed(office, receiver, events=["player.*"])
    text = seen(owner, LIST)
    assert endpoint.name in text
    assert "player.*" in text
    assert "never" in text
    assert receiver.url in text
    assert "hooks/grps" not in text
