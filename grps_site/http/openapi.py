"""OpenAPI schemas from the class attributes of views (players/api/base.py)."""

import re
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from grps_site.http import openapi_health
from grps_site.http.errors import MEDIA_TYPE
from players.api.parameters import Parameter

REF = "#/components/schemas/{name}"
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "experience": [{"ExperienceKey": []}],
    "signed": [{"Timestamp": [], "Nonce": [], "Signature": []}],
    "roblox": [{"RobloxSignature": []}],
    "discord": [{"DiscordSignature": [], "DiscordTimestamp": []}],
    "visitor": [{"Turnstile": []}],
}
TAGS = {
    "anyone": "Public",
    "experience": "Game servers",
    "signed": "Signed",
    "roblox": "Roblox",
    "discord": "Discord",
    "visitor": "Public",
}
TAG_DESCRIPTIONS = {
    "Public": "Open to anyone, limited per address.",
    "Game servers": "For game servers, with the key of their experience.",
    "Signed": "For the portal, cron jobs and scripts, with a signature.",
    "Roblox": "For Roblox's own notifications.",
    "Discord": "For Discord's interactions.",
    "Health": "For load balancers and uptime checks.",
}
SCHEMES = {
    "ExperienceKey": {"type": "apiKey", "in": "header", "name": "x-grps-api-key"},
    "Timestamp": {"type": "apiKey", "in": "header", "name": "x-grps-timestamp"},
    "Nonce": {"type": "apiKey", "in": "header", "name": "x-grps-nonce"},
    "Signature": {
        "type": "apiKey",
        "in": "header",
        "name": "x-grps-signature",
        "description": "v1= and the hexadecimal HMAC-SHA256 of timestamp.nonce.METHOD.path?query.sha256hex(body)",
    },
    "Turnstile": {
        "type": "apiKey",
        "in": "header",
        "name": "cf-turnstile-response",
        "description": "The token from Cloudflare's widget. It may be sent in the body instead.",
    },
    "RobloxSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "roblox-signature",
        "description": "t=seconds since 1970, a comma, v1= and the base64 HMAC-SHA256 of t.body",
    },
    "DiscordSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "x-signature-ed25519",
        "description": "Discord's Ed25519 signature of timestamp and body, in hexadecimal",
    },
    "DiscordTimestamp": {"type": "apiKey", "in": "header", "name": "x-signature-timestamp"},
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "requestId"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "requestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
BYTES = {"type": "string", "format": "binary"}
NO_NUL = r"^[^\u0000]*$"
BIGINT = 2**63 - 1
NUMBER = {"type": "integer", "format": "int64", "minimum": 1, "maximum": BIGINT}
PATHS: dict[str, dict[str, Any]] = {"token": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}}
_structs: set[type[msgspec.Struct]] = set()


class ContractSchema(AutoSchema):
    """Describe an operation by its view's class attributes."""

    view: Any

    def get_auth(self) -> list[dict[str, Any]]:
        return SECURITY.get(self.view.caller, [])

    def get_summary(self) -> str:
        """Return the first sentence of the view's docstring."""
        return _first_paragraph(type(self.view).__doc__).partition(". ")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        """Return the docstring, unless the summary says all of it."""
        text = str(super().get_description())
        return "" if text.rstrip(".") == self.get_summary() else text

    def get_tags(self) -> list[str]:
        return [TAGS[self.view.caller]]

    def get_operation_id(self) -> str:
        return type(self.view).__name__[0].lower() + type(self.view).__name__[1:]

    def get_override_parameters(self) -> list[Any]:
        return [
            *(_parameter(item, "query") for item in getattr(self.view, "query_parameters", ())),
            *(_parameter(item, "header") for item in getattr(self.view, "header_parameters", ())),
            *(
                OpenApiParameter(
                    name, PATHS.get(name, NUMBER), OpenApiParameter.PATH, required=True
                )
                for name in re.findall(r"{(\w+)}", self.path)
            ),
        ]

    def get_request_serializer(self) -> Any:
        body = getattr(self.view, "request_body", None)
        return {"application/json": _reference(body)} if body else None

    def get_response_serializers(self) -> Any:
        status = getattr(self.view, "response_status", 200)
        body = self.view.response_body
        meaning = _first_paragraph((body and body.__doc__) or type(self.view).__doc__)
        answer = OpenApiResponse(_reference(body) if body else BYTES, description=meaning)
        media_types = getattr(self.view, "media_types", ("application/json",))
        responses: dict[Any, OpenApiResponse] = {(status, one): answer for one in media_types}
        for error in sorted(self._error_statuses()):
            schema = {} if error == 304 else {"$ref": REF.format(name="Problem")}
            responses[error] = OpenApiResponse(schema, description=HTTPStatus(error).phrase)
        return responses

    def _error_statuses(self) -> set[int]:
        statuses = {*getattr(self.view, "error_statuses", ()), 503}
        if getattr(self.view, "request_body", None):
            statuses |= {400, 413, 415}
        if self.view.caller in {"anyone", "visitor"}:
            statuses.add(429)
        if getattr(self.view, "cached", False):
            statuses.add(304)
        # An uncached operation refuses x-grps-visitor without a signature.
        if self.view.caller != "anyone" or not getattr(self.view, "cached", False):
            statuses.add(401)
        return statuses

    def _get_response_for_code(
        self, serializer: Any, status_code: Any, *args: Any, **kwargs: Any
    ) -> Any:
        found = super()._get_response_for_code(serializer, status_code, *args, **kwargs)  # type: ignore[no-untyped-call]
        if int(status_code) >= 400:
            found["content"] = {MEDIA_TYPE: found["content"]["application/json"]}
        if int(status_code) == 304:
            found.pop("content", None)
        return found


def _parameter(item: Parameter, place: Literal["query", "header"]) -> OpenApiParameter:
    return OpenApiParameter(
        item.name, item.schema, place, required=item.required, description=item.description
    )


def _first_paragraph(docstring: str | None) -> str:
    return " ".join((docstring or "").partition("\n\n")[0].split())


def _reference(struct: type[msgspec.Struct]) -> dict[str, Any]:
    _structs.add(struct)
    return {"$ref": REF.format(name=struct.__name__)}


def add_schemas(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the schemas, the problem document and the security schemes."""
    structs = sorted(_structs, key=lambda struct: struct.__name__)
    schemas = msgspec.json.schema_components(structs, ref_template=REF)[1]
    components = result.setdefault("components", {})
    components["schemas"] = {
        **{name: _as_sent(schema) for name, schema in schemas.items()},
        "Problem": PROBLEM,
        **openapi_health.SCHEMAS,
    }
    components["securitySchemes"] = SCHEMES
    result["paths"] |= openapi_health.PATHS
    result["tags"] = [
        {"name": name, "description": text} for name, text in TAG_DESCRIPTIONS.items()
    ]
    for methods in result["paths"].values():
        for operation in methods.values():
            operation.setdefault("security", [])  # an empty list says that anyone may call
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return result


def _as_sent(schema: Any) -> Any:
    """Correct msgspec's schema: we send decimals as numbers, and accept no NUL in texts."""
    if isinstance(schema, list):
        return [_as_sent(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {"type": "number"}
    if schema.get("maximum") == BIGINT:
        schema = {"format": "int64"} | schema
    if {} in schema.get("anyOf", ()):
        anything = {"description": "Anything else. It gets a result of its own."}
        rest = [one for one in schema["anyOf"] if one]
        schema = schema | {"anyOf": [*rest, anything]}
    if schema.get("type") == "string" and not {"format", "pattern"} & set(schema):
        return schema | {"pattern": NO_NUL}
    return {key: _as_sent(value) for key, value in schema.items()}
