"""Our own system checks: what would be unsafe or closed in production."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from grps_site.turnstile import DUMMY_SECRETS


@register(Tags.security)
def check_console_csrf(**_: Any) -> list[CheckMessage]:
    if "grps_site.middleware.ConsoleCsrfMiddleware" in settings.MIDDLEWARE:
        return []
    hint = "Put grps_site.middleware.ConsoleCsrfMiddleware into MIDDLEWARE, behind the console's session."
    return [Error("The console has no protection against forged requests.", hint, id="grps.E001")]


@register(Tags.security, deploy=True)
def check_signature_secret(**_: Any) -> list[CheckMessage]:
    if settings.AUTOMATION_SIGNATURE_SECRET:
        return []
    hint = "Set it to 32 random bytes or more, and give the same to the portal and the cron jobs."
    return [Warning("AUTOMATION_SIGNATURE_SECRET is not set: every signed call is refused.", hint, id="grps.W001")]


@register(Tags.security, deploy=True)
def check_turnstile(**_: Any) -> list[CheckMessage]:
    if settings.TURNSTILE_SECRET in DUMMY_SECRETS:
        hint = "Take the site's own secret from Cloudflare's dashboard."
        said = "TURNSTILE_SECRET_KEY is one of Cloudflare's test keys, which let everybody in."
        return [Error(said, hint, id="grps.E002")]
    if not settings.TURNSTILE_SECRET:
        return [Warning("TURNSTILE_SECRET_KEY is not set: public forms are closed.", "Set it.", id="grps.W002")]
    return []


@register(Tags.security, deploy=True)
def check_metrics_token(**_: Any) -> list[CheckMessage]:
    if settings.METRICS_TOKEN:
        return []
    hint = "Set a random token, and give it to Prometheus as its bearer token."
    return [Warning("METRICS_TOKEN is not set: /metrics is closed.", hint, id="grps.W003")]
