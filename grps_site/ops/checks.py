"""Our own system checks: what would be unsafe or closed in production."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from grps_site.ops import database_roles
from webhooks.formats.base import BadEndpoint
from webhooks.formats.standard import key_of


@register(Tags.security)
def check_console_csrf(**_: Any) -> list[CheckMessage]:
    if "grps_site.http.middleware.ConsoleCsrfMiddleware" in settings.MIDDLEWARE:
        return []
    hint = "Put grps_site.http.middleware.ConsoleCsrfMiddleware into MIDDLEWARE, behind the console's session."
    return [Error("The console has no protection against forged requests.", hint, id="grps.E001")]


@register(Tags.security, deploy=True)
def check_signature_secret(**_: Any) -> list[CheckMessage]:
    if settings.AUTOMATION_SIGNATURE_SECRET:
        return []
    hint = "Set it to 32 random bytes or more, and give the same to the portal and the cron jobs."
    return [
        Warning(
            "AUTOMATION_SIGNATURE_SECRET is not set: every signed call is refused.",
            hint,
            id="grps.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_turnstile(**_: Any) -> list[CheckMessage]:
    if not settings.TURNSTILE_SECRET:
        return [
            Warning(
                "TURNSTILE_SECRET_KEY is not set: public forms are closed.",
                "Set it.",
                id="grps.W002",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_metrics_token(**_: Any) -> list[CheckMessage]:
    if settings.METRICS_TOKEN:
        return []
    hint = "Set a random token, and give it to Prometheus as its bearer token."
    return [Warning("METRICS_TOKEN is not set: /metrics is closed.", hint, id="grps.W003")]


@register(Tags.security)
def check_webhook_secret(**_: Any) -> list[CheckMessage]:
    """The default secret of outgoing webhooks, where there is one, must be able to sign."""
    if not settings.WEBHOOK_VERIFICATION_KEY:
        return []
    try:
        key_of(settings.WEBHOOK_VERIFICATION_KEY)
    except BadEndpoint:
        hint = (
            "Make it base64 of 32 random bytes (`manage.py webhooks new-key`), or leave it empty."
        )
        return [
            Error("WEBHOOK_VERIFICATION_KEY is not base64 of 24 to 64 bytes.", hint, id="grps.E003")
        ]
    return []


@register(Tags.security, deploy=True)
def check_encryption_keys(**_: Any) -> list[CheckMessage]:
    if settings.FIELD_ENCRYPTION_KEYS:
        return []
    hint = "Make one with `manage.py webhooks new-key`, and keep a copy where the database is not."
    said = "FIELD_ENCRYPTION_KEYS is not set: no webhook endpoint can be added."
    return [Warning(said, hint, id="grps.W004")]


@register(Tags.security, deploy=True)
def check_database_role(**_: Any) -> list[CheckMessage]:
    """Whoever gets into a process must not get at the tables themselves. Health tells of a database
    that is away.
    """
    try:
        found = database_roles.shortcomings()
    except DatabaseError:
        return []
    if not found:
        return []
    said = f"{found[0].upper()}{found[1:]}: the append-only logs are as safe as the web processes."
    return [
        Warning(said, f"Give it a role that owns nothing: {database_roles.STEPS}.", id="grps.W005")
    ]


@register(Tags.security, deploy=True)
def check_local_login(**_: Any) -> list[CheckMessage]:
    """The way around Roblox's sign-in must not be the easy one."""
    if not settings.LOCAL_LOGIN:
        return []
    found: list[CheckMessage] = []
    if not settings.LOCAL_LOGIN_MFA:
        hint = "Take LOCAL_LOGIN_MFA out: a password alone is for one's own machine."
        found.append(Error("LOCAL_LOGIN is on without a second factor.", hint, id="grps.E004"))
    if not settings.TURNSTILE_SECRET or not settings.TURNSTILE_SITEKEY:
        hint = "Set TURNSTILE_SITE_KEY and TURNSTILE_SECRET_KEY, or switch LOCAL_LOGIN off."
        found.append(
            Error(
                "LOCAL_LOGIN is on, and nothing keeps machines from its form.", hint, id="grps.E005"
            )
        )
    return found
