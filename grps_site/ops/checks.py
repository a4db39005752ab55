"""System checks for settings that are unsafe in production.

A missing optional secret is not a finding: `manage.py secrets status` says what is closed without it.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from common import database_clock
from grps_site.analytics import publication
from grps_site.ops import clocks, database_roles
from players.privacy.registry import REGISTRY
from webhooks.formats.base import BadEndpoint
from webhooks.formats.standard import key_of


@register(Tags.security)
def check_console_csrf(**_: Any) -> list[CheckMessage]:
    if "grps_site.http.middleware.ConsoleCsrfMiddleware" in settings.MIDDLEWARE:
        return []
    hint = "Put grps_site.http.middleware.ConsoleCsrfMiddleware into MIDDLEWARE, behind the console's session."
    return [Error("The console has no CSRF protection.", hint, id="grps.E001")]


@register(Tags.security)
def check_webhook_secret(**_: Any) -> list[CheckMessage]:
    """Check that the default secret of outgoing webhooks is a usable key."""
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
def check_erasure_mark_keys(**_: Any) -> list[CheckMessage]:
    """Check that marks of erased people outlive DJANGO_SECRET_KEY."""
    if settings.ERASURE_MARK_KEYS:
        return []
    said = "ERASURE_MARK_KEYS is not set: marks of erased people depend on DJANGO_SECRET_KEY."
    hint = "Run `manage.py secrets rotate ERASURE_MARK_KEYS`, which loses no mark."
    return [Warning(said, hint, id="grps.W006")]


@register(Tags.security, deploy=True)
def check_database_role(**_: Any) -> list[CheckMessage]:
    """Check that the application's role cannot change tables. /health reports a lost database."""
    try:
        found = database_roles.excessive_privilege()
    except DatabaseError:
        return []
    if not found:
        return []
    said = f"{found[0].upper()}{found[1:]}: a compromised web process could change the append-only logs."
    return [
        Warning(said, f"Give it a role that owns nothing: {database_roles.STEPS}.", id="grps.W005")
    ]


@register(Tags.database)
def check_clock(**_: Any) -> list[CheckMessage]:
    """Check that this machine's clock fits the database's, with `check --database default`."""
    skew = database_clock.skew()
    if abs(skew) <= clocks.MOST:
        return []
    hint = (
        "Synchronise this machine's clock (NTP). The database's clock decides, logs use this one."
    )
    said = f"This machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the database's."
    return [Warning(said, hint, id="grps.W015")]


@register(Tags.security, deploy=True)
def check_local_login(**_: Any) -> list[CheckMessage]:
    """Check that the local sign-in has a second factor and Turnstile."""
    if not settings.LOCAL_LOGIN:
        return []
    found: list[CheckMessage] = []
    if not settings.LOCAL_LOGIN_MFA:
        hint = "Remove LOCAL_LOGIN_MFA: a password alone is for development only."
        found.append(Error("LOCAL_LOGIN is on without a second factor.", hint, id="grps.E004"))
    if not settings.TURNSTILE_SECRET or not settings.TURNSTILE_SITEKEY:
        hint = "Set TURNSTILE_SITE_KEY and TURNSTILE_SECRET_KEY, or switch LOCAL_LOGIN off."
        found.append(
            Error(
                "LOCAL_LOGIN is on, and its form is not protected against bots.",
                hint,
                id="grps.E005",
            )
        )
    return found


@register()
def check_analytics_columns(**_: Any) -> list[CheckMessage]:
    """Check that each column has a class in config/analytics.json, and none may hold a person.

    A column without a class is not published.
    """
    hint = "Class it in config/analytics.json: figure, key, time, label or never."
    columns = [
        (model._meta.db_table, str(column.column))
        for model in apps.get_models(include_auto_created=True)
        for column in model._meta.local_concrete_fields
    ]
    unknown = [
        Warning(f"{table}.{column} has no class for analytics.", hint, id="grps.W017")
        for table, column in columns
        if not settings.ANALYTICS.is_classed(table, column)
    ]
    personal = [
        Error(f"{table}.{column} may hold a person and cannot be published.", hint, id="grps.E017")
        for table, column in REGISTRY.load().columns
        if settings.ANALYTICS.is_published(table, column)
    ]
    return [*unknown, *personal]


@register(Tags.database)
def check_publications(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Check that PostgreSQL refuses no change because of a publication."""
    if not databases:
        return []
    try:
        found = publication.defects()
    except DatabaseError:
        return []
    hint = "Drop it, or run `manage.py analytics apply` if it is ours (docs/analytics.md)."
    return [Warning(f"{defect}.", hint, id="grps.W016") for defect in found]
