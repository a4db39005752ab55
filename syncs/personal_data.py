"""Personal data in the tables of this app, and how each is erased."""

from django.db.models import Q

from players.personal_data import ACTOR, COUNT, HASH, LIST, OURS, WORDS
from players.privacy.person import Person
from players.privacy.registry import (
    Blank,
    By,
    Drop,
    Pseudonym,
    Text,
    held,
    impersonal,
    place,
    walked_by,
)
from syncs.models import Drift


def forget_drifts(person: Person) -> None:
    users = [Drift.Aspect.ROLE, Drift.Aspect.RESTRICTION, Drift.Aspect.POINTS]
    key = rf"(^|\D){person.user_id}(\D|$)"
    theirs = Q(aspect__in=users, subject=str(person.user_id))
    theirs |= Q(aspect=Drift.Aspect.ENTRY, subject__regex=key)
    if person.player_id is not None:
        theirs |= Q(player=person.player_id)
    Drift.objects.filter(theirs).delete()


held("memberships", "user_id", Drop("user_id"))
impersonal("memberships", "ids of a group and its roles", "group_id", "roles")
impersonal("memberships", OURS, "seen_by")

held("membership_reads", "user_id", Drop("user_id"))
impersonal("membership_reads", HASH, "lease")
walked_by("membership_reads", "user_id")
impersonal("group_logs", "the id of a group", "group_id")
impersonal("group_logs", HASH, "lease", "taken")
impersonal("group_logs", COUNT, "adopted")
impersonal("group_logs", "a sentence of ours or an answer of Roblox about the key", "problem")

held("join_requests", "user_id", Drop("user_id"))
held("join_requests", "username", Drop("user_id"))
held("join_requests", "reason", Drop("user_id"), Text())
held("join_requests", "request_id", Drop("user_id"))
impersonal("join_requests", "the id of a group", "group_id")
impersonal("join_requests", HASH, "lease")
impersonal("join_requests", LIST, "decision")
impersonal("join_requests", ACTOR, "decided_by")
impersonal("join_requests", "a sentence of ours or an answer of Roblox", "problem")
walked_by("join_requests", "id")
held("unwanted_users", "user_id", Drop("user_id"))
held("unwanted_users", "reason", Drop("user_id"), Text())
impersonal("unwanted_users", ACTOR, "added_by")
walked_by("unwanted_users", "user_id")

ROLES = "what a role of the group is, for everybody"
impersonal("group_roles", ROLES, "group_id", "role_id", "name", "permissions", "members", "number")
impersonal(
    "role_pins", ROLES, "group_id", "role_id", "rank", "name", "permissions", "parked", "number"
)

held("drifts", "subject", By(forget_drifts))
held("drifts", "ours", By(forget_drifts), Text(WORDS))
held("drifts", "theirs", By(forget_drifts), Text(WORDS))
held("drifts", "detail", By(forget_drifts), Text())
impersonal("drifts", LIST, "aspect", "resolution")
impersonal("drifts", OURS, "seen_by")

held("mirrors", "desired", Drop("player_id"))
held("mirrors", "confirmed", Drop("player_id"))
held("mirrors", "reason", Drop("player_id"), Text())
impersonal("mirrors", LIST, "aspect", "status")
impersonal("mirrors", COUNT, "version", "confirmed_version")
impersonal("mirrors", HASH, "lease")

held("sync_jobs", "steps", Text())
held("sync_jobs", "error", Text())
# The cursor of a running job holds Roblox's page token, which is needed until the end.
held("sync_jobs", "cursor", Text(only="status IN ('done', 'failed', 'cancelled')"))
impersonal("sync_jobs", COUNT, "counters")
impersonal("sync_jobs", LIST, "activity", "status", "wanted")
impersonal("sync_jobs", HASH, "lease")
impersonal("sync_jobs", ACTOR, "requested_by", "confirmed_by")
impersonal("sync_jobs", "how many members were not listed", "question")

held("adjustments", "reason", Text())
held("adjustments", "error", Text())
impersonal(
    "adjustments",
    "a program's own mark of a call, so that it counts once: put no name in",
    "idempotency_key",
)
impersonal("adjustments", HASH, "digest", "lease")
impersonal("adjustments", LIST, "status")
impersonal("adjustments", ACTOR, "requested_by", "approved_by")
impersonal("adjustments", COUNT, "rows", "skipped", "applied", "line")
impersonal("adjustments", OURS, "event")
held("adjustment_rows", "user_id", Pseudonym())
held("adjustment_rows", "reason", Blank("user_id"), Text())
impersonal("adjustment_rows", LIST, "status", "note")
impersonal("adjustment_rows", COUNT, "line")
walked_by("adjustment_rows", "adjustment_id")

place(
    "data stores of the experiences",
    holds="the game's entry and its index entry, GRPS's own entry and its board entry",
    forgets="syncs.privacy.datastores deletes them, at least twice, ten minutes apart",
)
