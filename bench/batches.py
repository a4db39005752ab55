"""Batches of game events for measurements of ingestion."""

import datetime as dt

from bench.fill import username_of


def batch_of(number: int, session: int, size: int, at: dt.datetime) -> list[dict[str, object]]:
    """Make 500 events of 100 players who differ by batch and are spread over the table."""
    events: list[dict[str, object]] = []
    for player in range(100):
        user_id = 10_000_001 + (number * 100 + player) * 7919 % size
        for sequence in range(1, 6):
            event = {
                "userId": user_id,
                "username": username_of(user_id),
                "session": session,
                "sequence": sequence,
                "type": "ko",
                "awarded": 0.25,
                "total": sequence * 0.25,
                "occurredAt": (at - dt.timedelta(seconds=600 - 31 * sequence)).isoformat(),
            }
            events.append(event)
    return events
