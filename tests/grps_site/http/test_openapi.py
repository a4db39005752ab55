"""The OpenAPI document is valid, and a running server answers as it says."""

import json
import os
import re
import time
from collections.abc import Callable
from typing import cast

import jsonschema
import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from grps_site.http import docs, request_signing
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER, Live, events
from webhooks.inbound import notifications

EXAMPLES = 400 if os.environ.get("GRPS_LONG") else 25
# A schema cannot require that each player occurs once in the rows, or that amounts have two
# decimals. Nor can it limit times: those before 1970 and after 9998 are refused. The tests' server
# runs without workers, so its health is bad.
BEYOND_A_SCHEMA = {
    "POST /adjustments": [positive_data_acceptance],
    "POST /roblox/sanctions": [positive_data_acceptance],
    "POST /roblox/audits": [positive_data_acceptance],
    "POST /roblox/hosted-events": [positive_data_acceptance],
    "GET /health/ready": [not_a_server_error],
    "GET /health/deep": [not_a_server_error],
}
SECRET = os.environ.get("AUTOMATION_SIGNATURE_SECRET", "")
ROBLOX_SECRET = os.environ.get("ROBLOX_WEBHOOK_SECRET", "")
schema = schemathesis.openapi.from_dict(json.loads(docs.document()))


def test_it_is_the_version_that_it_says(client: Client) -> None:
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_every_shape_is_a_valid_json_schema() -> None:
    for shape in json.loads(docs.document())["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(shape)


def test_it_holds_every_line_of_the_contract() -> None:
    paths = json.loads(docs.document())["paths"]
    contract = {
        ("get", "/leaderboard/top"),
        ("get", "/leaderboard/records"),
        ("get", "/leaderboard/around/{user_id}"),
        ("get", "/players"),
        ("get", "/players/{user_id}"),
        ("get", "/players/{user_id}/history"),
        ("get", "/ranks"),
        ("get", "/policy"),
        ("get", "/policy/changes"),
        ("post", "/turnstile/verify"),
        ("post", "/roblox/events"),
        ("post", "/roblox/sanctions"),
        ("post", "/roblox/audits"),
        ("post", "/roblox/leave-requests"),
        ("get", "/roblox/policy"),
        ("get", "/roblox/joins"),
        ("get", "/roblox/players"),
        ("get", "/roblox/players/{user_id}"),
        ("post", "/automation/decisions"),
        ("post", "/adjustments"),
        ("get", "/adjustments/{adjustment_id}"),
        ("post", "/webhooks/roblox"),
        ("post", "/discord/interactions"),
    }
    assert {(method, path) for path, methods in paths.items() for method in methods} >= contract


def test_it_says_how_each_caller_proves_itself() -> None:
    document = json.loads(docs.document())
    assert document["paths"]["/ranks"]["get"]["security"] == []
    assert document["paths"]["/roblox/events"]["post"]["security"] == [{"ExperienceKey": []}]
    signed = document["paths"]["/automation/decisions"]["post"]["security"]
    assert [set(way) for way in signed] == [{"Timestamp", "Nonce", "Signature"}]
    assert set(document["components"]["securitySchemes"]) == {
        "ExperienceKey",
        "Timestamp",
        "Nonce",
        "Signature",
        "RobloxSignature",
        "DiscordSignature",
        "DiscordTimestamp",
        "Turnstile",
    }
    assert document["paths"]["/appeals"]["post"]["security"] == [{"Turnstile": []}]
    assert document["paths"]["/webhooks/roblox"]["post"]["security"] == [{"RobloxSignature": []}]


def test_it_keeps_the_recommended_rules_of_redocly() -> None:
    """The rules of `redocly lint --extends=recommended` that the document once broke."""
    document = json.loads(docs.document())
    assert document["servers"]
    described = {tag["name"] for tag in document["tags"]}
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    for operation in operations:
        assert 3 <= len(operation["summary"]) <= 100, operation["operationId"]
        assert "security" in operation, operation["operationId"]
        assert any(status[0] == "4" for status in operation["responses"])
        assert set(operation["tags"]) <= described
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert '"anyOf":[{}' not in json.dumps(document, separators=(",", ":"))


def test_cached_reads_say_that_they_may_be_unchanged() -> None:
    paths = json.loads(docs.document())["paths"]
    assert "304" in paths["/leaderboard/top"]["get"]["responses"]
    assert "content" not in paths["/ranks"]["get"]["responses"]["304"]
    assert "304" not in paths["/roblox/joins"]["get"]["responses"]


def test_the_health_pages_are_described() -> None:
    paths = json.loads(docs.document())["paths"]
    assert set(paths["/health/ready"]["get"]["responses"]) == {"200", "400", "503"}
    assert {"/health/live", "/health/deep", "/metrics/health"} <= set(paths)


def test_every_answer_says_what_it_is() -> None:
    paths = json.loads(docs.document())["paths"]
    answers = [
        answer
        for methods in paths.values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if status < "300"
    ]
    assert min(len(answer["description"].split()) for answer in answers) >= 2


def test_times_and_pages_are_described() -> None:
    shapes = json.loads(docs.document())["components"]["schemas"]
    fields = [
        (f"{name}.{field}", value)
        for name, shape in shapes.items()
        for field, value in shape.get("properties", {}).items()
    ]
    named_like_times = re.compile(r"\.(?!countsStopAt)(\w+(At|Since)|asOf)$")
    times = {name: value for name, value in fields if named_like_times.search(name)}
    assert len(times) > 20
    assert [name for name, value in times.items() if "date-time" not in json.dumps(value)] == []
    following = [value for name, value in fields if name.endswith(".next")]
    assert {value["description"] for value in following} == {
        "The `after` of the following page; null on the last page."
    }


def test_ids_of_players_in_public_are_text_too() -> None:
    document = json.loads(docs.document())
    shapes = document["components"]["schemas"]
    public = [
        json.dumps(operation["responses"]["200"])
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method == "get" and operation["tags"] == ["Public"]
    ]
    assert len(public) > 15
    waiting, reached = list(public), set()
    while waiting:
        for name in set(re.findall(r"#/components/schemas/(\w+)", waiting.pop())) - reached:
            reached.add(name)
            waiting.append(json.dumps(shapes[name]))
    fields = {name: set(shapes[name].get("properties", {})) for name in reached}
    assert [name for name, held in fields.items() if "userId" in held] != []
    for name, held in fields.items():
        assert ("userId" in held) == ("userIdString" in held), name


@pytest.fixture
def community(live: Live) -> str:
    """Create players with a history, so that lists are not empty. Returns their game's key."""
    raw = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]
    assert live.play(raw, "/roblox/events", events(*range(1, 8))).json()["accepted"] == 7
    return raw


@schema.auth()
class Proof:
    """Authenticate each call as its caller would: with the key, or by signing the call."""

    url = "http://localhost"  # some cases are made before a server runs; the host is not signed
    key = ""

    def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> dict[str, str]:
        ways = case.operation.definition.raw.get("security") or [{}]
        if "ExperienceKey" in ways[0]:
            return {"x-grps-api-key": Proof.key}
        if not {"Signature", "RobloxSignature"} & set(ways[0]):
            return {}
        sent = case.as_transport_kwargs(base_url=Proof.url)
        parts = ("method", "url", "params", "data", "json", "files", "headers")
        request = requests.Request(**{name: sent.get(name) for name in parts}).prepare()
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        if "RobloxSignature" in ways[0]:
            moment = str(int(time.time()))
            return {
                "roblox-signature": f"t={moment},v1={notifications.signature(ROBLOX_SECRET, moment, body).decode()}"
            }
        return request_signing.sign(SECRET, str(request.method), request.path_url, body)

    def set(
        self, case: schemathesis.Case, data: dict[str, str], context: schemathesis.AuthContext
    ) -> None:
        case.headers.update(data)


def _test_of(operation: str) -> Callable[..., None]:
    @pytest.mark.django_db(transaction=True)
    @schema.include(name=operation).parametrize()
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=not os.environ.get("GRPS_LONG"),
    )
    def test(case: schemathesis.Case, live: Live, community: str) -> None:
        Proof.url, Proof.key = live.url, community
        case.call_and_validate(
            base_url=live.url, excluded_checks=BEYOND_A_SCHEMA.get(operation, [])
        )

    test.__name__ = test.__qualname__ = name_of(operation)
    return cast("Callable[..., None]", test)


def name_of(operation: str) -> str:
    """Return a test name, such as `test_get_players_user_id_does_what_the_document_says`."""
    return (
        f"test_{'_'.join(re.findall(r'[a-z0-9]+', operation.lower()))}_does_what_the_document_says"
    )


# One function for each operation: pytest-xdist runs only one of several tests with the same name.
OPERATIONS = [found.ok().label for found in schema.get_all_operations()]
globals().update({name_of(operation): _test_of(operation) for operation in OPERATIONS})


def test_every_operation_has_its_own_test() -> None:
    assert len(OPERATIONS) == len({name_of(operation) for operation in OPERATIONS}) >= 12
