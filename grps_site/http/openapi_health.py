"""The OpenAPI operations of the health pages, which are plain Django views."""

from typing import Any

HEALTH = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"enum": ["ok", "unavailable"]},
        "checks": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["ok", "detail"],
                "properties": {"ok": {"type": "boolean"}, "detail": {"type": "string"}},
            },
        },
    },
}
COUNT = {"type": "integer", "minimum": 0}
MOMENT = {"type": ["string", "null"], "format": "date-time"}
FRESHNESS = {
    "type": "object",
    "properties": {
        "totalPlayers": COUNT,
        "updatedLastHour": COUNT,
        "lastUpdateAt": MOMENT,
        "unsealedEvents": COUNT,
        "lastSealAt": MOMENT,
        "pendingDecisions": COUNT,
        "countsStopAt": COUNT,
    },
}


def _response(description: str, name: str, media_type: str = "application/json") -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{name}"}
    return {"description": description, "content": {media_type: {"schema": reference}}}


def _problem(description: str) -> dict[str, Any]:
    return _response(description, "Problem", "application/problem+json")


def _operation(name: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    responses = responses | {"400": _problem("The Host header names another server.")}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": ["Health"],
            "security": [],
            "responses": responses,
        }
    }


_UNAVAILABLE = _response("A check has failed; `checks` says why.", "Health")
SCHEMAS = {"Health": HEALTH, "Freshness": FRESHNESS}
PATHS = {
    "/health/live": _operation(
        "live", "Whether the process runs", {"200": _response("The process runs.", "Health")}
    ),
    "/health/ready": _operation(
        "ready",
        "Whether requests can be served",
        {"200": _response("Requests can be served.", "Health"), "503": _UNAVAILABLE},
    ),
    "/health/deep": _operation(
        "deep",
        "Whether everything runs",
        {"200": _response("Everything runs.", "Health"), "503": _UNAVAILABLE},
    ),
    "/metrics/health": _operation(
        "freshness",
        "How many players there are, and how fresh the data is",
        {
            "200": _response("Counts stop at `countsStopAt`.", "Freshness"),
            "304": {"description": "Not Modified"},
            "429": _problem("Too Many Requests"),
            "503": _problem("Service Unavailable"),
        },
    ),
}
