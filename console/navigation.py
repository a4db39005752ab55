"""URLs of the console's pages, and its navigation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse


def to(name: str, *args: Any) -> str:
    """Return the URL of the page `name` (as `console:home`), "" if there is none."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def home() -> str:
    return to("console:home") or to("admin:index")


def player(user_id: int) -> str:
    return to("console:player", user_id)


def act(name: str, user_id: int) -> str:
    """Return the URL of the dialog of the action `name` (warn, suspend, ...) on a player."""
    return to("console:act", name, user_id)


def revert(event_id: int) -> str:
    return to("console:revert", event_id)


def approval(approval_id: int) -> str:
    return to("console:approval", approval_id)


def appeal(appeal_id: int) -> str:
    return to("console:appeal", appeal_id)


def bulk_job(job_id: int) -> str:
    return to("console:bulk-job", job_id)


def event(event_id: int) -> str:
    return to("console:event", event_id) or to("admin:audits_auditevent_change", event_id)


@dataclass(frozen=True)
class MenuEntry:
    """A page of the navigation.

    `key` is pressed after `g`. Any of `rights` opens the page; without `rights` it is open to all
    staff. Pages with the same `group` share a menu of the header.
    """

    title: str
    key: str
    names: tuple[str, ...]
    rights: tuple[str, ...] = ()
    group: str = ""

    @property
    def address(self) -> str:
        return next(filter(None, map(to, self.names)), "")

    def open_to(self, user: Any) -> bool:
        return not self.rights or any(user.has_perm(right) for right in self.rights)


# The first existing name of a page is used.
PAGES = (
    MenuEntry("Queue", "q", ("console:home", "admin:index")),
    MenuEntry("Players", "p", ("console:players",), ("players.view_player",)),
    MenuEntry(
        "Decisions",
        "d",
        ("console:decisions", "admin:players_decision_changelist"),
        ("players.view_decision",),
        group="Moderation",
    ),
    MenuEntry("Appeals", "a", ("console:appeals",), ("players.view_appeal",), group="Moderation"),
    MenuEntry("Reports", "r", ("console:reports",), ("players.view_player",), group="Moderation"),
    MenuEntry("Quotas", "t", ("console:quotas",), ("players.view_player",), group="Activity"),
    MenuEntry("Leave", "l", ("console:leave",), ("players.view_leave",), group="Moderation"),
    MenuEntry(
        "Events", "v", ("console:hosted-events",), ("players.view_player",), group="Activity"
    ),
    MenuEntry(
        "Join requests", "n", ("console:join-requests",), ("players.adjust",), group="Moderation"
    ),
    MenuEntry(
        "Audit",
        "u",
        ("console:audit", "admin:audits_auditevent_changelist"),
        ("console.audit", "audits.view_auditevent"),
    ),
    MenuEntry(
        "Policy",
        "o",
        ("console:policy", "console:policies", "admin:players_policyversion_changelist"),
        ("console.policy", "players.view_policyversion"),
    ),
    MenuEntry(
        "Sync",
        "s",
        ("console:sync", "admin:syncs_syncjob_changelist"),
        ("console.sync", "syncs.view_syncjob"),
        group="Integrations",
    ),
    MenuEntry(
        "Discord",
        "i",
        ("console:discord",),
        ("console.sync", "syncs.view_syncjob"),
        group="Integrations",
    ),
    MenuEntry(
        "Webhooks",
        "w",
        ("admin:webhooks_webhookendpoint_changelist",),
        ("webhooks.view_webhookendpoint",),
        group="Integrations",
    ),
    MenuEntry(
        "Adjustments",
        "j",
        ("console:adjustments", "admin:players_adjustment_changelist"),
        ("players.adjust", "console.bulk", "players.view_adjustment"),
        group="Bulk",
    ),
    MenuEntry("Import", "b", ("console:imports",), ("console.bulk",), group="Bulk"),
    MenuEntry("Mass changes", "m", ("console:bulk",), ("console.bulk",), group="Bulk"),
    MenuEntry(
        "Experiences",
        "e",
        ("console:experiences",),
        ("console.secrets", "roblox.view_experience"),
        group="Integrations",
    ),
    MenuEntry("System", "y", ("console:system", "system"), ("console.system",)),
)


def pages(user: Any) -> Iterator[tuple[MenuEntry, str]]:
    """Yield the pages that `user` may open, each with its URL."""
    for page in PAGES:
        if page.open_to(user) and (address := page.address):
            yield page, address
