"""The output of `manage.py webhooks status`."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from audits import queries
from webhooks.endpoints import statistics
from webhooks.messages import formatting
from webhooks.models import WebhookEndpoint

STYLES = {"active": "green", "failing": "red", "paused": "yellow", "disabled": "red"}
COLUMNS = (
    "name",
    "kind",
    "state",
    "waiting",
    "oldest",
    "arrived in 24 h",
    "last success",
    "behind",
)


def rows(now: dt.datetime) -> list[dict[str, Any]]:
    """Return the state of every endpoint, as `--json` prints it."""
    found = list(WebhookEndpoint.objects.order_by("name"))
    figures, head = statistics.figures([endpoint.pk for endpoint in found], now), queries.head()
    return [_row(endpoint, figures[endpoint.pk], head, now) for endpoint in found]


def _row(
    endpoint: WebhookEndpoint, figures: statistics.Figures, head: int, now: dt.datetime
) -> dict[str, Any]:
    state, last = formatting.state(endpoint, now), endpoint.last_success_at
    day = statistics.window(endpoint.pk, now - statistics.DAY)
    return {
        "name": endpoint.name,
        "kind": endpoint.kind,
        "state": state.name,
        "stateText": state.text,
        "waiting": figures.waiting,
        "oldestSeconds": int((now - figures.oldest).total_seconds()) if figures.oldest else 0,
        "deliveries": day.deliveries,
        "givenUp": day.given_up,
        "success": day.success,
        "lastSuccess": last.isoformat() if last else None,
        "behind": statistics.behind(endpoint, head),
    }


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1)


def as_table(found: Sequence[dict[str, Any]]) -> Table:
    table = Table(*COLUMNS)
    for row in found:
        table.add_row(*_cells(row))
    return table


def _cells(row: dict[str, Any]) -> list[str | Text]:
    state = f"{formatting.MARKS[row['state']]} {row['stateText']}"
    oldest = formatting.span(dt.timedelta(seconds=row["oldestSeconds"])) if row["waiting"] else ""
    return [
        Text(row["name"]),  # Text, not markup: a name or a reason may contain brackets
        row["kind"],
        Text(state, style=STYLES[row["state"]]),
        formatting.capped(row["waiting"], statistics.MOST),
        oldest,
        "nothing sent" if row["success"] is None else f"{row['success']:.1f} %",
        row["lastSuccess"].replace("T", " ")[:16] if row["lastSuccess"] else "never",
        f"{row['behind']:,}",
    ]
