"""Each kind of receiver gets its own format within its limits, and its answers are understood."""

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from audits.actions import Action
from tests.webhooks.conftest import Office, answering
from tests.webhooks.receivers import Receiver
from webhooks.formats import FORMATS
from webhooks.formats.base import AttemptOutcome, Message, cut, units
from webhooks.messages import sentences
from webhooks.messages.payloads import Payload, example
from webhooks.messages.sentence import EventFacts, Severity
from webhooks.messages.sentences import for_action
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webhooks.outbound.http_client import HttpAnswer

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def payload(message: str = "Olga banned Nia.", username: str = "Nia") -> Payload:
    return Payload("player.banned", NOW, message, Severity.CRITICAL, "", 156, username, {"id": 1})


def rendered(kind: str, *payloads: Payload) -> Any:
    return json.loads(FORMATS[kind].render(Message("msg_1", NOW, payloads, [])).body)


def reply(status: int | None, body: object = "", **headers: str) -> HttpAnswer:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return HttpAnswer(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, content, 1, ""
    )


def test_every_action_has_a_sentence_and_an_example() -> None:
    for action in Action:
        assert action in sentences.SENTENCES, action
        message = example(action, NOW).message
        assert message.startswith("Example: ")
        assert "  " not in message, message
        assert "()" not in message, message
        assert not message.rstrip(".").endswith((" to", " of", " by", " from", " in")), message


def test_an_action_of_a_newer_version_is_told_plainly() -> None:
    assert (
        example("comet.sighted", NOW).message
        == "Example: comet.sighted: Roblox: This is an example."
    )


def test_a_discord_embed_pings_nobody() -> None:
    message = rendered("discord", payload("Olga banned Nia: @everyone look"))
    (embed,) = message["embeds"]
    assert message["allowed_mentions"] == {"parse": []}
    assert (embed["title"], embed["url"]) == ("Nia", "https://www.roblox.com/users/156/profile")
    assert (embed["color"], embed["footer"]) == (0xDA3633, {"text": "player.banned"})
    assert embed["timestamp"] == "2026-05-01T12:00:00+00:00"
    assert "@everyone look" in embed["description"]


@pytest.mark.parametrize("text", ["x" * 9000, "_" * 9000, "😀" * 5000, "<@&1>" * 2000])
@pytest.mark.parametrize("count", [1, 3, 10])
def test_discord_stays_within_its_limits(text: str, count: int) -> None:
    embeds = rendered("discord", *[payload(text, text[:50])] * count)["embeds"]
    assert len(embeds) == count
    for embed in embeds:
        assert units(embed["description"]) <= 4096
        assert units(embed["title"]) <= 256
    total = sum(
        units(e["description"]) + units(e["title"]) + units(e["footer"]["text"]) for e in embeds
    )
    assert 0 < total <= 6000


@pytest.mark.parametrize("text", ["x" * 9000, "&" * 9000, "😀" * 5000])
def test_slack_stays_within_its_limits(text: str) -> None:
    message = rendered("slack", *[payload(text)] * 10)
    assert len(message["blocks"]) <= 50
    assert all(
        units(block["text"]["text"]) <= 3000
        for block in message["blocks"]
        if block["type"] == "section"
    )
    assert message["text"].endswith("(and 9 more)")


def test_names_and_reasons_become_no_markup() -> None:
    nasty = "<!channel> <https://evil.example|click> *bold* **b** [a](https://evil.example) `x`"
    slack = json.dumps(rendered("slack", payload(nasty)), ensure_ascii=False)
    assert "<!channel>" not in slack
    assert "<https://evil.example|" not in slack
    discord = rendered("discord", payload(nasty))["embeds"][0]["description"]
    assert "[a](" not in discord
    assert "**b**" not in discord


def test_a_name_does_not_reorder_a_sentence() -> None:
    facts = EventFacts("ola\u202e", "שלום", "x\u2066", {"after": {}}, "")
    text = for_action(Action.PLAYER_BANNED).text(facts)
    assert text == "ola banned \u2068שלום\u2069 for good: x"


def test_cutting_never_splits_a_character() -> None:
    assert cut("😀😀😀", 5) == "😀😀…"
    assert cut("abc", 3) == "abc"


@pytest.mark.parametrize(
    ("kind", "given", "outcome", "pause"),
    [
        ("discord", reply(204), AttemptOutcome.SUCCEEDED, 0),
        (
            "discord",
            reply(204, x_ratelimit_remaining="0", x_ratelimit_reset_after="1.5"),
            AttemptOutcome.SUCCEEDED,
            1.5,
        ),
        (
            "discord",
            reply(204, x_ratelimit_remaining="0", x_ratelimit_reset_after="soon"),
            AttemptOutcome.SUCCEEDED,
            0,
        ),
        (
            "discord",
            reply(429, {"retry_after": 0.75, "global": False}),
            AttemptOutcome.DEFERRED,
            0.75,
        ),
        ("discord", reply(429, "slow down", retry_after="7"), AttemptOutcome.DEFERRED, 7),
        (
            "discord",
            reply(404, {"code": 10015, "message": "Unknown Webhook"}),
            AttemptOutcome.GONE,
            0,
        ),
        (
            "discord",
            reply(401, {"code": 50027, "message": "Invalid Webhook Token"}),
            AttemptOutcome.GONE,
            0,
        ),
        (
            "discord",
            reply(400, {"code": 50035, "message": "Invalid Form Body"}),
            AttemptOutcome.REFUSED,
            0,
        ),
        ("discord", reply(500, "<html>"), AttemptOutcome.FAILED, 0),
        ("slack", reply(200, "ok"), AttemptOutcome.SUCCEEDED, 0),
        ("slack", reply(403, "invalid_token"), AttemptOutcome.GONE, 0),
        ("slack", reply(404, "no_service"), AttemptOutcome.GONE, 0),
        ("slack", reply(410, "channel_is_archived"), AttemptOutcome.GONE, 0),
        ("slack", reply(400, "invalid_blocks"), AttemptOutcome.REFUSED, 0),
        ("slack", reply(429, "", retry_after="30"), AttemptOutcome.DEFERRED, 30),
        ("slack", reply(500, "rollup_error"), AttemptOutcome.FAILED, 0),
        ("standard", reply(200), AttemptOutcome.SUCCEEDED, 0),
        ("standard", reply(299), AttemptOutcome.SUCCEEDED, 0),
        ("standard", reply(304), AttemptOutcome.FAILED, 0),
        ("standard", reply(400), AttemptOutcome.FAILED, 0),
        ("standard", reply(410), AttemptOutcome.GONE, 0),
        ("standard", reply(429, retry_after="9"), AttemptOutcome.FAILED, 9),
        ("standard", reply(None), AttemptOutcome.FAILED, 0),
    ],
)
def test_answers_are_understood(
    kind: str, given: HttpAnswer, outcome: AttemptOutcome, pause: float
) -> None:
    verdict = FORMATS[kind].judge(given)
    assert (verdict.outcome, verdict.pause) == (outcome, pause)


def test_a_burst_becomes_one_message(office: Office, receiver: Receiver) -> None:
    office.endpoint(receiver, "discord", events=["player.banned"])
    nia = office.player()
    for number in range(23):
        office.ban(nia, reason=f"case {number}")
    assert office.deliver() == 3
    sizes = [len(json.loads(request.body)["embeds"]) for request in receiver.requests]
    assert sizes == [10, 10, 3]
    told = [
        embed["description"] for r in receiver.requests for embed in json.loads(r.body)["embeds"]
    ]
    assert [text.rpartition("case ")[2] for text in told] == [str(number) for number in range(23)]
    assert WebhookAttempt.objects.filter(outcome="succeeded").count() == 23
    assert len(set(WebhookAttempt.objects.values_list("call", flat=True))) == 3


def test_discords_wait_is_obeyed_and_counts_as_no_try(office: Office, receiver: Receiver) -> None:
    receiver.answer = answering(
        429, b'{"retry_after": 30.0, "message": "You are being rate limited."}'
    )
    office.endpoint(receiver, "discord", events=["policy.*"])
    office.happen()
    office.deliver()
    office.happen()
    assert office.deliver() == 0  # the whole endpoint waits, new deliveries included
    row = WebhookDelivery.objects.order_by("pk").first()
    assert row is not None
    assert (row.status, row.attempts) == ("pending", 0)
    pause = WebhookEndpoint.objects.get().paused_until - timezone.now()
    assert dt.timedelta(seconds=25) < pause <= dt.timedelta(seconds=30)
    receiver.answer = answering(204)
    office.pass_time(seconds=31)
    assert office.deliver() == 1


def test_an_empty_bucket_is_waited_for_ahead_of_the_next_call(
    office: Office, receiver: Receiver
) -> None:
    receiver.answer = answering(204, x_ratelimit_remaining="0", x_ratelimit_reset_after="60")
    office.endpoint(receiver, "discord", events=["policy.*"])
    office.happen()
    assert office.deliver() == 1
    office.happen()
    assert office.deliver() == 0
    office.pass_time(seconds=61)
    assert office.deliver() == 1


def test_one_bad_message_among_ten_does_not_hold_up_the_others(
    office: Office, receiver: Receiver
) -> None:
    def picky(request: Any) -> tuple[int, dict[str, str], bytes]:
        bad = "case 4" in request.body.decode()
        return (
            (400, {}, b'{"code": 50035, "message": "Invalid Form Body"}') if bad else (204, {}, b"")
        )

    receiver.answer = picky
    office.endpoint(receiver, "discord", events=["player.banned"])
    nia = office.player()
    for number in range(10):
        office.ban(nia, reason=f"case {number}")
    office.deliver()
    outcomes = list(WebhookDelivery.objects.order_by("pk").values_list("status", flat=True))
    assert outcomes == ["delivered"] * 4 + ["exhausted"] + ["delivered"] * 5
    assert "Invalid Form Body" in WebhookDelivery.objects.get(status="exhausted").reason


@pytest.mark.parametrize(
    ("kind", "status", "body", "words"),
    [
        (
            "discord",
            404,
            b'{"code": 10015, "message": "Unknown Webhook"}',
            "The webhook was deleted",
        ),
        (
            "discord",
            401,
            b'{"code": 50027, "message": "Invalid Webhook Token"}',
            "token is not valid",
        ),
        ("discord", 404, b'{"code": 10003, "message": "Unknown Channel"}', "thread_id"),
        (
            "discord",
            400,
            b'{"code": 220001, "message": "Webhooks posted to forum channels must have a thread"}',
            "`?thread_id=` and the id of a post",
        ),
        ("discord", 400, b'{"code": 160005, "message": "Thread is locked"}', "Unlock it"),
        ("discord", 404, b"<html>", "Discord answered 404"),
        ("slack", 403, b"invalid_token", "token is not valid"),
        ("slack", 404, b"channel_not_found", "The channel was deleted"),
        ("slack", 403, b"action_prohibited", "Ask an administrator"),
        ("slack", 404, b"no_service", "deleted or switched off"),
    ],
)
def test_what_is_hopeless_disables_the_endpoint_and_says_why(
    office: Office, receiver: Receiver, kind: str, status: int, body: bytes, words: str
) -> None:
    receiver.answer = answering(status, body)
    office.endpoint(receiver, kind, events=["policy.*"])
    office.happen()
    office.deliver()
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.status == "disabled"
    assert words in endpoint.reason


def test_discord_shows_moments_in_each_readers_own_zone() -> None:
    body = rendered("discord", example(Action.HOSTED_EVENT_SOON, NOW))
    assert "<t:1893870000:F>" in body["embeds"][0]["description"]
