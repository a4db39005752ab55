"""Personal data in the tables of `players`, `audits` and `roblox`, and how each is erased."""

from django.db import connection

from audits.chain import redaction
from audits.chain.sealing import seal_pending
from audits.models import AuditPersonal
from audits.record import forget
from players.bulk.erasure import forget_evidence
from players.privacy.person import Person
from players.privacy.registry import (
    Blank,
    By,
    Drop,
    Elsewhere,
    Pseudonym,
    Text,
    Until,
    held,
    impersonal,
    naming,
    place,
    sweeping,
    walked_by,
)
from players.privacy.texts import end_of_stretch
from players.quarantines.erasure import forget_held_commands

LIST = "one of a fixed list"
OURS = "a number of ours"
ACTOR = "who acted: an id of ours as player:12, which stays; of the operator the login of an account on the machine"
COUNT = "a count, an amount or an order"
HASH = "a hash, a signature or random characters"
EXPERIENCE = "the key of an experience"
COMMUNITY = "the community's own ranks and rules, which owners write"

# Keys in JSON whose values are our own terms, which may equal a name by chance.
WORDS = frozenset(
    {
        "act",
        "action",
        "actions",
        "activity",
        "amount",
        "aspect",
        "cause",
        "digest",
        "event",
        "events",
        "experience",
    }
    | {
        "experiences",
        "format",
        "host",
        "headers",
        "insteadOf",
        "kind",
        "law",
        "provider",
        "rank",
        "rate",
    }
    | {
        "resolution",
        "role",
        "sealed",
        "source",
        "status",
        "type",
        "until",
        "version",
        "way",
        "sanction",
        "at",
    }
)
ERASES = Elsewhere("players.privacy.erasure.erase: the pseudonym takes its place")

# --- players ---
held("players", "user_id", ERASES)
held("players", "username", ERASES, names="id")
held("players", "display_name", ERASES, names="id")
impersonal("players", COUNT, "adjusted_sequence", "kos", "wos")
impersonal("players", LIST, "member")

held("player_names", "username", Drop("player_id"), names="player_id")
impersonal("name_checks", HASH, "lease")
impersonal("experience_points", EXPERIENCE, "origin")
impersonal("key_counts", "a key's number of ours, or the key of an experience", "source")
impersonal("key_counts", COUNT, "acts", "adjusted", "renames", "new_players", "breaches", "points")
impersonal("quarantines", EXPERIENCE, "experience")
impersonal("quarantines", "a key's number of ours, or the key of an experience", "source")
impersonal("quarantines", LIST, "status")
impersonal("quarantines", "what was counted, and the limit", "cause")
impersonal("quarantines", OURS, "event", "discarded", "upto")
impersonal("quarantines", COUNT, "rows", "acts")
impersonal("quarantines", HASH, "lease")

held("decisions", "reason", Blank("player_id"), Text())
impersonal("decisions", LIST, "kind", "status", "source", "failed")
impersonal("decisions", "points and days as they were", "inputs")
impersonal("decisions", ACTOR, "proposed_by", "decided_by")
impersonal("decisions", OURS, "reverts")

held("sanctions", "reason", Blank("player_id"), Text())
held("sanctions", "lift_reason", Blank("player_id"), Text())
held("sanctions", "evidence", Blank("player_id", "'{}'"), Text())
impersonal("sanctions", LIST, "kind", "source")
impersonal("sanctions", ACTOR, "issued_by", "lifted_by")
impersonal("sanctions", OURS, "event")
impersonal("sanctions", HASH, "code")

held("approvals", "reason", Blank("player_id"), Text())
held("approvals", "decide_reason", Blank("player_id"), Text())
held(
    "approvals",
    "arguments",
    Blank("player_id", "arguments - '{evidence,text}'::text[]"),
    Text(WORDS),
)
impersonal("approvals", LIST, "act", "cause", "status")
impersonal("approvals", ACTOR, "requested_by", "decided_by")
impersonal("approvals", OURS, "event", "carried_out")
impersonal("approvals", HASH, "once")
impersonal("approvals", EXPERIENCE, "experience")

held("avatars", "image", Drop("player_id"), Until("a day after somebody asked for it"))
impersonal("avatars", LIST, "media_type")
held("rank_restrictions", "reason", Blank("player_id"), Text())
impersonal("rank_restrictions", ACTOR, "issued_by", "lifted_by")
impersonal("rank_restrictions", OURS, "event")
held("notes", "text", Drop("player_id"), Text())
impersonal("notes", ACTOR, "author")
impersonal("notes", OURS, "event")

held("member_reports", "reason", Blank("reporter_id"), Blank("reported_id"), Text())
held(
    "member_reports",
    "evidence",
    Blank("reporter_id", "'[]'::jsonb"),
    Blank("reported_id", "'[]'::jsonb"),
    Text(),
)
held("member_reports", "answer", Blank("reporter_id"), Blank("reported_id"), Text())
impersonal("member_reports", LIST, "status", "source")
impersonal("member_reports", EXPERIENCE, "experience")
impersonal("member_reports", ACTOR, "decided_by")
held("report_mutes", "reason", Blank("player_id"), Text())
impersonal("report_mutes", ACTOR, "issued_by", "ended_by")
held("appeals", "text", Blank("player_id"), Text())
held("appeals", "answer", Blank("player_id"), Text())
impersonal("appeals", LIST, "status")
impersonal("appeals", ACTOR, "decided_by")
impersonal("appeals", OURS, "event")
impersonal("appeals", HASH, "token_digest")

held("hosted_events", "title", Text())
held("hosted_events", "description", Text())
held("hosted_event_series", "title", Text())
held("hosted_event_series", "description", Text())
held("hosted_event_attendances", "added_reason", Blank("player_id"), Text())
held("hosted_event_attendances", "struck_reason", Blank("player_id"), Text())
impersonal("hosted_events", LIST, "kind", "status", "ended_by")
impersonal("hosted_events", EXPERIENCE, "experience")
impersonal("hosted_events", "the id of a place or server on Roblox", "job_id", "place_id")
impersonal("hosted_events", "random, made by the game", "game_id")
impersonal("hosted_events", COUNT, "revision")
impersonal("hosted_events", OURS, "award_event")
impersonal("hosted_event_series", LIST, "kind", "zone")
impersonal("hosted_event_series", "a time of the day", "at")
impersonal("hosted_event_series", EXPERIENCE, "experience")
impersonal("hosted_event_attendances", ACTOR, "added_by", "struck_by")
impersonal("hosted_event_attendances", "one of the sentences of GRPS", "note")
held("leaves", "reason", Blank("player_id"), Text())
held("leaves", "extension_reason", Blank("player_id"), Text())
held("leaves", "answer", Blank("player_id"), Text())
impersonal("leaves", LIST, "status", "source")
impersonal("leaves", ACTOR, "decided_by")

held("claims", "holder_name", Drop("holder"))
impersonal("claims", LIST, "kind")
impersonal("claims", "the number of an item of the queue", "key")
impersonal("claims", ACTOR, "holder")

held("guard_trips", "name", Blank("person"), Text(), names="person")
impersonal("guard_trips", ACTOR, "person", "released_by")
impersonal("staff_acts", ACTOR, "person")
impersonal("spending", ACTOR, "person")
impersonal("spending", COUNT, "players")

impersonal("brought_days", EXPERIENCE, "experience")
impersonal("brought_days", LIST, "pool")
held("game_commands", "answer", Text(WORDS), Until("7 days"))
held("game_commands", "asked", Text(WORDS), By(forget_held_commands))
held("game_commands", "command", Text(unique=True), Until("7 days"))
impersonal("game_commands", EXPERIENCE, "experience")

held("bulk_jobs", "reason", Text())
held("bulk_jobs", "second", Text())
held("bulk_jobs", "arguments", By(forget_evidence), Text(WORDS))
impersonal("bulk_jobs", LIST, "act", "status")
impersonal("bulk_jobs", ACTOR, "requested_by")
impersonal("bulk_jobs", OURS, "event")
held("imports", "reason", Text())
held("imports", "error", Text())
held("imports", "effects", Text(WORDS))
impersonal("imports", "the name of a data store, of fields and of ranks", "options", "cursor")
impersonal("imports", EXPERIENCE, "experience")
impersonal("imports", LIST, "source", "status")
impersonal("imports", ACTOR, "requested_by", "approved_by")
impersonal("imports", HASH, "digest", "lease")
impersonal("imports", OURS, "event")
impersonal(
    "imports", COUNT, "rows", "unread", "skipped", "unchanged", "changing", "applied", "line"
)
for _column in ("given", "username", "display_name", "note"):
    held("import_rows", _column, Blank("user_id"), Text())
held("import_rows", "warnings", Blank("user_id", "NULL"), Text(WORDS))
held("import_rows", "user_id", Pseudonym())
impersonal("import_rows", "points, a rank and numbers of ours", "before", "after", "rank")
impersonal("import_rows", COUNT, "line", "points", "kos", "wos")
impersonal("import_rows", LIST, "status")
walked_by("import_rows", "job_id")
held("bulk_rows", "note", Text())
walked_by("bulk_rows", "job_id")
impersonal("bulk_rows", LIST, "status")
impersonal("bulk_rows", OURS, "subject", "event")

OPEN = Elsewhere("players.privacy.orders: stands there while the order is open")
held("erasure_orders", "user_id", OPEN)
held("erasure_orders", "reason", OPEN)
held("erasure_orders", "words_sealed", OPEN)
impersonal("erasure_orders", HASH, "lease")
impersonal("erasure_orders", "a keyed hash: without ERASURE_MARK_KEYS nobody can say whose", "mark")
impersonal("erasure_orders", "the id of a key", "mark_key")
impersonal("erasure_orders", "a number that Roblox gave, or random characters", "notification_id")
impersonal("erasure_orders", "ids of places", "games")
impersonal("erasure_orders", LIST, "status")
impersonal("erasure_orders", "when each experience was done, and by whom: " + ACTOR, "stores")
impersonal(
    "erasure_orders", "the table and the number that the reading of texts has come to", "texts"
)

impersonal("simulations", ACTOR, "requested_by")
impersonal("simulations", OURS, "upto", "last", "tally")
impersonal("policy_versions", HASH, "content_hash")
impersonal("policy_versions", COMMUNITY, "documents")
impersonal("policy_activations", HASH, "version")
impersonal("policy_activations", COMMUNITY, "document", "changes")
impersonal("ranks", COMMUNITY, "name", "slug", "level", "description", "colour")
impersonal("sessions", EXPERIENCE, "origin")
impersonal("sessions", COUNT, "session", "sequence", "count", "confirmed", "kos", "wos")
impersonal("ledger", EXPERIENCE, "origin")
impersonal("ledger", "a type of event of the policy", "type")
impersonal("ledger", COUNT, "session", "sequence")
impersonal("ledger", OURS, "batch")
impersonal("daily_points", EXPERIENCE, "origin")
impersonal("daily_points", COUNT, "kos", "wos")
impersonal("active_minutes", EXPERIENCE, "origin")
impersonal("active_minutes", COUNT, "session", "minutes")
impersonal("active_days", EXPERIENCE, "origin")
impersonal("quota_periods", COMMUNITY, "quota", "rule")
impersonal("quota_periods", "the name of a week or month", "key")
impersonal("quota_periods", LIST, "status")
impersonal("quota_periods", OURS, "judged_through", "followed_through")
impersonal("quota_results", OURS, "player_id", "period_id")
impersonal("quota_results", LIST, "state", "outcome")
impersonal("quota_results", COUNT, "misses", "resting")
held("quota_exemptions", "reason", Blank("player_id"), Text())
impersonal("quota_exemptions", COMMUNITY, "quota")
impersonal("quota_exemptions", ACTOR, "given_by")
impersonal("quota_exemptions", OURS, "event")
impersonal("periods", LIST, "kind")
impersonal("periods", "the name of a week, month or season", "key")
impersonal("period_totals", COUNT, "kos", "wos")
impersonal("player_records", "the version of a row", "row_version")
impersonal("player_records", "the name of a week", "best_week_key")
impersonal("fastest_promotions", COUNT, "seconds")
impersonal("statistics_state", LIST, "name")
impersonal("statistics_state", OURS, "cursor_id", "progress")
impersonal("daily_figures", "what is counted, and of which experience", "what", "label")
impersonal("counted", LIST, "name")
impersonal("counted", COUNT, "position")
impersonal("leaderboard_buckets", COUNT, "bucket", "count")
impersonal("leaderboard_changes", COUNT, "before", "after")

# --- audits ---
held(
    "audit_personal",
    "value",
    Elsewhere("audits.record.erase for their own, `audit values` for what others said"),
)
held(
    "audit_personal",
    "subject",
    Elsewhere("goes with the row: a refused sign-in's says the name that was given"),
)
impersonal("audit_personal", "the name of a field", "field")
impersonal("audit_personal", HASH, "salt")
held(
    "audits",
    "details",
    Elsewhere("`audit details`: what old events hold is redacted (audits.chain.redaction)"),
)
held("audits", "request_id", Elsewhere("`audit details`, as a caller may put anything into it"))
impersonal("audits", LIST, "action", "actor_kind", "target_kind")
impersonal("audits", "an id of ours", "actor_id", "target_id", "reverts")
impersonal("audits", EXPERIENCE, "experience")
impersonal("audits", HASH, "policy_version", "commitments")
impersonal("audit_redactions", HASH, "leaf")
impersonal("audit_redactions", LIST, "mirrors")
impersonal("audit_pending", OURS, "event_id")
impersonal("reversals", OURS, "event_id", "by_event")
impersonal("audit_streams", LIST, "name")
impersonal("audit_streams", COUNT, "position")
impersonal("audit_streams", HASH, "lease")
impersonal("audit_streams", "what went wrong with a mirror, in a sentence of ours", "error", "note")
impersonal("seal_file", COUNT, "id", "last_seal")
impersonal("seal_file", "why the seal file does not grow, in a fixed sentence", "error")
impersonal("seals", COUNT, "number", "first_position", "last_position")
impersonal("seals", HASH, "root", "previous", "hash", "key_id", "signature")
impersonal("sealed_events", COUNT, "position")

# --- roblox ---
impersonal("experiences", EXPERIENCE, "key", "name")
impersonal("experiences", "kinds of acts, figures, and a level or rank of the policy", "bounds")
impersonal("experiences", "what of it counts as points", "counts")
impersonal("experiences", "an id that Roblox gave to a universe", "universe_id")
impersonal("roblox_write_hold", COUNT, "id")
impersonal(
    "roblox_write_hold", "why writes are held, and the number of the database", "reason", "database"
)
impersonal("experience_keys", HASH, "prefix", "digest")
impersonal("cloud_keys", HASH, "fingerprint")
impersonal(
    "cloud_keys",
    "the name and scopes of a key, as its owner wrote them",
    "name",
    "missing_scopes",
    "problem",
)
impersonal(
    "cloud_keys",
    "whose Open Cloud key we use: read from Roblox for as long as the key is configured; take another one first",
    "owner_user_id",
)

# --- outside the database ---
place(
    "seal file (AUDIT_SEAL_FILE)",
    holds="nothing: roots, signatures and moments",
    forgets="nothing is there",
)
place(
    "stream and JSON lines (AUDIT_STREAM_URL, AUDIT_JSONL)",
    holds="the public half of events: ids of ours and details, never names or reasons",
    forgets="what is redacted in the log is taken out of them by the next run of `audits.mirror`",
)
place(
    "exports, bulk results and lists as files",
    holds="what the tables hold at that moment, for those who may see it",
    forgets="made anew each time; a file that somebody took away is theirs to delete: `audit.exported` says whose",
)


@naming
def former_names(person: Person) -> Person:
    """Add the names that the audit log has for the person."""
    found = AuditPersonal.objects.filter(
        subject__in=person.subjects, field__in=["actorName", "targetName"]
    )
    return person.known_as(found.values_list("value", flat=True).distinct())


@sweeping("audit details")
def sweep_details(person: Person, after: int | None) -> int | None:
    """Redact old events whose details or request id name the person.

    New events have no names in their details.
    """
    if after is None:
        while seal_pending():  # the second reading handles events that no seal covers yet
            pass
    end = end_of_stretch("audits", "id", after or 0)
    if end is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, details, request_id FROM audits WHERE id > %s AND id <= %s"
            " AND (details::text ILIKE ANY(%s::text[]) OR request_id ILIKE ANY(%s::text[]))",
            [after or 0, end, person.likes, person.likes],
        )
        rows = cursor.fetchall()
    for event, details, request in rows:
        left, named = person.without_in(details, WORDS), person.named_in(request)
        if named or left != details:
            redaction.redact(event, left, request_id="" if named else request)
    return end


@sweeping("audit values")
def sweep_values(person: Person, after: int | None) -> int | None:
    """Delete values about others that name the person. Other people's own names stay.

    The whole value is deleted: a part of it could not be verified.
    """
    end = end_of_stretch("audit_personal", "id", after or 0)
    if end is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, value FROM audit_personal WHERE id > %s AND id <= %s AND value ILIKE ANY(%s::text[])"
            " AND NOT (field IN ('actorName', 'targetName') AND subject ~ '^(player|staff|shell):')",
            [after or 0, end, person.likes],
        )
        naming_them = [row for row, value in cursor.fetchall() if person.named_in(value)]
    forget(naming_them, why="erasure")
    return end
