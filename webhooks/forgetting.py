"""What the tables of this app know of a person, gone in the transaction in which they are erased."""

from typing import Any

from django.db import connection

from players.people import Person

# Of all that was sent or came back in a call that told of them; the delivery itself names nobody.
CALLS = """
    UPDATE webhook_attempts a SET request = '', response = '', error = ''
    WHERE a.call IN (
        SELECT t.call FROM webhook_attempts t JOIN webhook_deliveries d ON d.id = t.delivery_id
        WHERE d.event_id IN (SELECT p.event_id FROM audit_personal p WHERE p.subject = %s))"""
# A number of its own, wherever in the payload it stands, or that number as a text.
NOTIFICATIONS = """
    UPDATE roblox_notifications SET payload = '{}'
    WHERE jsonb_path_exists(payload, '$.** ? (@ == $id || @ == $text)',
                            jsonb_build_object('id', %s::bigint, 'text', %s::text))"""


def forget(*, person: Person, **_: Any) -> None:
    """What Roblox told us of them, and what calls told others, is emptied. That there were such calls stays known."""
    with connection.cursor() as cursor:
        cursor.execute(NOTIFICATIONS, [person.user_id, str(person.user_id)])
        if person.subject:
            cursor.execute(CALLS, [person.subject])
