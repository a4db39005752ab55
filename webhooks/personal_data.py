"""Personal data in the tables of this app, and how each field is erased."""

from django.db import connection

from players.personal_data import COUNT, HASH, LIST, WORDS
from players.privacy.person import Person
from players.privacy.registry import By, Text, Until, held, impersonal, place

# Empties everything that was sent or received in calls about the person. The delivery names nobody.
CALLS = """
    UPDATE webhook_attempts a SET request = '', response = '', error = ''
    WHERE a.call IN (
        SELECT t.call FROM webhook_attempts t JOIN webhook_deliveries d ON d.id = t.delivery_id
        WHERE d.event_id IN (SELECT p.event_id FROM audit_personal p WHERE p.subject = ANY(%s::text[])))"""
# Matches the person's id anywhere in the payload, as a number or as a string.
NOTIFICATIONS = """
    UPDATE roblox_notifications SET payload = '{}'
    WHERE jsonb_path_exists(payload, '$.** ? (@ == $id || @ == $text)',
                            jsonb_build_object('id', %s::bigint, 'text', %s::text))"""
SEALED = (
    "encrypted with FIELD_ENCRYPTION_KEYS: where a receiver is and what signs, which owners gave"
)


def forget_calls(person: Person) -> None:
    """Empty stored calls about a person. The rows of the calls stay."""
    with connection.cursor() as cursor:
        cursor.execute(CALLS, [person.subjects])


def forget_notifications(person: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute(NOTIFICATIONS, [person.user_id, str(person.user_id)])


KEPT = Until("the days of webhooks.keepDays")
held("webhook_attempts", "request", By(forget_calls), Text(), KEPT)
held("webhook_attempts", "response", By(forget_calls), Text(), KEPT)
held("webhook_attempts", "error", By(forget_calls), Text(), KEPT)
impersonal("webhook_attempts", LIST, "trigger", "outcome")
held("webhook_deliveries", "reason", Text(), KEPT)
impersonal("webhook_deliveries", LIST, "action", "status", "trigger")
impersonal("webhook_deliveries", HASH, "lease")
held("webhook_endpoints", "name", Text(unique=True))
held("webhook_endpoints", "reason", Text())
impersonal("webhook_endpoints", LIST, "kind", "events", "experiences", "status")
impersonal("webhook_endpoints", COUNT, "position", "refused")
impersonal(
    "webhook_endpoints",
    SEALED,
    "address_sealed",
    "secret_sealed",
    "previous_secret_sealed",
    "headers_sealed",
)
held("roblox_notifications", "payload", By(forget_notifications), Text(WORDS))
impersonal("roblox_notifications", "a number that Roblox gave", "notification_id")
impersonal("roblox_notifications", LIST, "event_type", "status")

place(
    "what receivers of webhooks, Discord and Slack were told",
    holds="names and reasons, as they were when it was sent",
    forgets="nothing: it is theirs; `player.erased` tells them whom to forget, by the Roblox id",
)
