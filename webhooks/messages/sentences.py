"""One sentence for each action of the audit log, for Discord, Slack and the console."""

from typing import Any

from audits.actions import Action
from webhooks.messages.hosted_event_sentences import HOSTED_EVENTS
from webhooks.messages.sentence import EventFacts, Sentence, Severity, in_experience


def for_action(action: str) -> Sentence:
    """Return the sentence of an action. An action of a newer GRPS version gets a generic one."""
    return SENTENCES.get(action, Sentence(Severity.INFO, lambda f: f"{action}: {f.target}"))


def _until(f: EventFacts) -> str:
    until = f.after("until")
    return f"until {until[:16].replace('T', ' ')} UTC" if until else "for good"


def _whose(f: EventFacts) -> str:
    """Return the actor's name. A local owner without a linked Roblox account is marked "unlinked"."""
    return f"{f.actor} (unlinked)" if f["unlinked"] else f.actor


def _linked(f: EventFacts) -> str:
    if f["provider"] == "roblox":
        return f"confirmed that a local owner is {f.target}"
    return f"linked an account of {f['provider']}{_called(f)}, a way into the console"


def _called(f: EventFacts) -> str:
    return f" ({f.target})" if f.target else ""


def _leave(f: EventFacts) -> str:
    return f"from {f.after('firstDay')} to {f.after('lastDay')}"


def _leave_ended(f: EventFacts) -> str:
    return f"{f.target}'s leave is over" + (f", ended by {f.actor}" if f.before("lastDay") else "")


def _times(f: EventFacts, one: str, many: str) -> str:
    return f"{f['times']} {many}" if (f["times"] or 1) > 1 else one


def _counters(f: EventFacts) -> str:
    error = f["error"]  # older events have the error here and not in the reason
    return f" ({f['status']})" + (f", {error}" if error else "")


def _endpoint(f: EventFacts) -> str:
    """Return the endpoint's name. Older events have it in the details, newer ones as the target."""
    return str(f["name"] or f.target.removeprefix("endpoint "))


def _measured(f: EventFacts) -> str:
    return "active minutes" if str(f["law"]).startswith("ACTIVE_") else "points"


def _quota(name: Any) -> str:
    return f"the quota {name}" if name else "all quotas"


def _misses(f: EventFacts) -> str:
    count = f["misses"] or 1
    return f" ({count} times in a row)" if count > 1 else ""


INFO, GOOD, NOTICE, WARNING, CRITICAL = Severity

SENTENCES: dict[str, Sentence] = {
    **HOSTED_EVENTS,
    Action.POINTS_INGESTED: Sentence(
        INFO, lambda f: f"{f.experience} reported {f['accepted']} events"
    ),
    Action.POINTS_MISMATCH: Sentence(
        WARNING,
        lambda f: f"{f.target}'s {_measured(f)} break a law{in_experience(f)} ({f['law']})",
    ),
    Action.PLAYER_EXEMPTED: Sentence(
        NOTICE, lambda f: f"{f.actor} exempted {f.target} from {_quota(f.after('quota'))}"
    ),
    Action.EXEMPTION_ENDED: Sentence(
        NOTICE, lambda f: f"{f.actor} ended {f.target}'s exemption from {_quota(f.before('quota'))}"
    ),
    Action.QUOTA_MISSED: Sentence(
        WARNING,
        lambda f: (
            f"{f.target} missed the quota {f['quota']} in {f['period']}{_misses(f)}: "
            f"{', '.join(f['missing'] or ())}"
        ),
    ),
    Action.QUOTA_CLOSED: Sentence(
        INFO,
        lambda f: (
            f"The quota {f['quota']} is not judged for {f['period']}, because {f['why']}"
            if f["why"]
            else f"The quota {f['quota']} was judged for {f['period']}: {f['met']} met it,"
            f" {f['missed']} missed it, {f['excused']} were excused"
        ),
    ),
    Action.POINTS_ADJUSTED: Sentence(
        NOTICE,
        lambda f: (
            f"{f.actor} adjusted {f.target}'s points by {f.after('amount')} to {f.after('points')}"
        ),
    ),
    Action.EVENT_GIVEN: Sentence(
        INFO,
        lambda f: (
            f"{f.actor} gave {f.target or 'a newcomer'} the event {f['event']} ({f['amount']}){in_experience(f)}"
        ),
    ),
    Action.POINTS_RECONCILED: Sentence(
        INFO,
        lambda f: (
            f"{f['rows']} parts of players' points were read from the data store{in_experience(f)}"
        ),
    ),
    Action.PLAYER_ERASED: Sentence(
        CRITICAL, lambda f: f"{f.actor} erased a player's personal data"
    ),
    Action.ERASURE_ORDERED: Sentence(
        CRITICAL, lambda f: f"{f.actor} received an order to erase a person"
    ),
    Action.ERASURE_CONFIRMED: Sentence(
        NOTICE, lambda f: f"{f.actor} confirmed that a person's keys are deleted{in_experience(f)}"
    ),
    Action.ERASURE_COMPLETED: Sentence(CRITICAL, lambda f: "A person was erased everywhere"),
    Action.PLAYER_WARNED: Sentence(
        WARNING, lambda f: f"{f.actor} warned {f.target} ({f.after('active')} active)"
    ),
    Action.PLAYER_PARDONED: Sentence(
        NOTICE, lambda f: f"{f.actor} pardoned a warning of {f.target}"
    ),
    Action.WARNING_EXPIRED: Sentence(INFO, lambda f: f"A warning of {f.target} expired"),
    Action.PLAYER_SUSPENDED: Sentence(
        CRITICAL, lambda f: f"{f.actor} suspended {f.target} {_until(f)}"
    ),
    Action.PLAYER_REINSTATED: Sentence(
        NOTICE, lambda f: f"{f.target}'s suspension is over; {f.actor} ended it"
    ),
    Action.PLAYER_BANNED: Sentence(CRITICAL, lambda f: f"{f.actor} banned {f.target} {_until(f)}"),
    Action.PLAYER_UNBANNED: Sentence(NOTICE, lambda f: f"{f.actor} lifted {f.target}'s ban"),
    Action.JOIN_REQUEST_ACCEPTED: Sentence(
        GOOD, lambda f: f"{f.actor} accepted the request of {f.target} to join the group"
    ),
    Action.JOIN_REQUEST_DECLINED: Sentence(
        INFO, lambda f: f"{f.actor} declined the request of {f.target} to join the group"
    ),
    Action.UNWANTED_ADDED: Sentence(
        NOTICE, lambda f: f"{f.actor} put {f.target} on the list of people who may not join"
    ),
    Action.UNWANTED_REMOVED: Sentence(
        INFO, lambda f: f"{f.actor} took {f.target} off the list of people who may not join"
    ),
    Action.PROMOTIONS_LOCKED: Sentence(
        NOTICE, lambda f: f"{f.actor} locked the promotions of {f.target}"
    ),
    Action.PROMOTIONS_UNLOCKED: Sentence(
        INFO, lambda f: f"{f.actor} unlocked the promotions of {f.target}"
    ),
    Action.RANK_DENIED: Sentence(
        NOTICE, lambda f: f"{f.actor} denied {f.target} the rank {f.after('rank')}"
    ),
    Action.RANK_ALLOWED: Sentence(
        INFO, lambda f: f"{f.actor} allowed {f.target} the rank {f.before('rank')}"
    ),
    Action.PLAYER_NOTED: Sentence(INFO, lambda f: f"{f.actor} wrote a note on {f.target}"),
    Action.NOTE_WITHDRAWN: Sentence(INFO, lambda f: f"{f.actor} withdrew a note on {f.target}"),
    Action.PLAYER_RECOMMENDED: Sentence(GOOD, lambda f: f"{f.actor} recommended {f.target}"),
    Action.RECOMMENDATION_WITHDRAWN: Sentence(
        NOTICE, lambda f: f"{f.actor} withdrew a recommendation of {f.target}"
    ),
    Action.APPROVAL_REQUESTED: Sentence(
        WARNING, lambda f: f"{_whose(f)} requests approval: {f['act']} {f.target}"
    ),
    Action.APPROVAL_APPROVED: Sentence(
        WARNING, lambda f: f"{_whose(f)} approved: {f['act']} {f.target}"
    ),
    Action.APPROVAL_REJECTED: Sentence(
        NOTICE, lambda f: f"{_whose(f)} rejected: {f['act']} {f.target}"
    ),
    Action.APPROVAL_WITHDRAWN: Sentence(
        NOTICE, lambda f: f"{f.actor} withdrew a request: {f['act']} {f.target}"
    ),
    Action.APPROVAL_EXPIRED: Sentence(
        NOTICE, lambda f: f"Nobody approved this in time: {f['act']} {f.target}"
    ),
    Action.LEAVE_REQUESTED: Sentence(NOTICE, lambda f: f"{f.target} asks for leave {_leave(f)}"),
    Action.LEAVE_GRANTED: Sentence(
        GOOD, lambda f: f"{f.actor} granted {f.target} leave {_leave(f)}"
    ),
    Action.LEAVE_TURNED_DOWN: Sentence(
        NOTICE, lambda f: f"{f.actor} rejected what {f.target} asked for, a leave {_leave(f)}"
    ),
    Action.LEAVE_WITHDRAWN: Sentence(
        INFO, lambda f: f"{f.target} does not ask any more for leave {_leave(f)}"
    ),
    Action.LEAVE_EXTENSION_REQUESTED: Sentence(
        NOTICE, lambda f: f"{f.target} asks to stay on leave until {f.after('extensionTo')}"
    ),
    Action.LEAVE_EXTENDED: Sentence(
        INFO, lambda f: f"{f.actor} moved the end of {f.target}'s leave to {f.after('lastDay')}"
    ),
    Action.LEAVE_STARTED: Sentence(INFO, lambda f: f"{f.target} is on leave {_leave(f)}"),
    Action.LEAVE_REMINDED: Sentence(
        NOTICE, lambda f: f"{f.target}'s leave ends on {f.after('lastDay')}"
    ),
    Action.LEAVE_ENDED: Sentence(INFO, _leave_ended),
    Action.MEMBER_REPORTED: Sentence(NOTICE, lambda f: f"{f.actor} reported {f.target}"),
    Action.REPORTS_JOINED: Sentence(
        INFO, lambda f: f"{f.actor} joined {f['reports']} reports about {f.target}"
    ),
    Action.REPORT_ANSWERED: Sentence(
        INFO, lambda f: f"{f.actor} answered what was reported about {f.target}"
    ),
    Action.REPORTS_MUTED: Sentence(NOTICE, lambda f: f"{f.actor} muted the reports of {f.target}"),
    Action.REPORTS_UNMUTED: Sentence(INFO, lambda f: f"{f.actor} lets {f.target} report again"),
    Action.APPEAL_OPENED: Sentence(NOTICE, lambda f: f"{f.target} appeals against a {f['kind']}"),
    Action.APPEAL_APPROVED: Sentence(
        GOOD, lambda f: f"{f.actor} granted {f.target}'s appeal against a {f['kind']}"
    ),
    Action.APPEAL_REJECTED: Sentence(NOTICE, lambda f: f"{f.actor} rejected {f.target}'s appeal"),
    Action.GUARD_TRIPPED: Sentence(
        CRITICAL,
        lambda f: (
            f"{f.actor} acted {f['acts']} times in {f['seconds']} seconds. Further actions need approval"
        ),
    ),
    Action.GUARD_RELEASED: Sentence(
        WARNING, lambda f: f"{f.actor} restored {f.target}'s access to actions"
    ),
    Action.ACT_REFUSED: Sentence(
        WARNING, lambda f: f"{f.actor} was refused: {f['act']} {f.target}"
    ),
    Action.BULK_STARTED: Sentence(
        WARNING, lambda f: f"{f.actor} started {f['act']} for {f['rows']} rows"
    ),
    Action.BULK_FINISHED: Sentence(
        NOTICE, lambda f: f"{f['act']} ended: {f['done']} done, {f['skipped']} skipped"
    ),
    Action.GAME_REPORTED: Sentence(
        INFO, lambda f: f"{f.experience} reported {f['lines']} lines of its own log"
    ),
    Action.RANK_PROMOTED: Sentence(
        GOOD,
        lambda f: (
            f"{f.target} was promoted from {f.before('rank')} to {f.after('rank')} by {f.actor}"
        ),
    ),
    Action.RANK_DEMOTED: Sentence(
        WARNING,
        lambda f: (
            f"{f.target} was demoted from {f.before('rank')} to {f.after('rank')} by {f.actor}"
        ),
    ),
    Action.RANK_SET: Sentence(
        NOTICE,
        lambda f: (
            f"{f.actor} gave {f.target} the rank {f.after('rank')} (before: {f.before('rank')})"
        ),
    ),
    Action.DECISION_PROPOSED: Sentence(
        NOTICE,
        lambda f: f"{f.target} is proposed for {f.after('rank')} (now {f.before('rank')})",
    ),
    Action.DECISION_REJECTED: Sentence(
        NOTICE, lambda f: f"{f.actor} rejected a {f['kind']} of {f.target}"
    ),
    Action.DECISION_WITHDRAWN: Sentence(
        INFO, lambda f: f"A proposed {f['kind']} of {f.target} was withdrawn"
    ),
    Action.POLICY_ADDED: Sentence(WARNING, lambda f: f"{f.actor} added policy {f.after('number')}"),
    Action.POLICY_REVIEWED: Sentence(INFO, lambda f: f"{f.actor} reviewed policy {f['number']}"),
    Action.POLICY_ACTIVATED: Sentence(
        CRITICAL, lambda f: f"{f.actor} put policy {f.after('number')} in force"
    ),
    Action.AUDIT_EXPORTED: Sentence(
        WARNING, lambda f: f"{f.actor} exported events of the audit log as a file ({f['format']})"
    ),
    Action.AUDIT_FORGOTTEN: Sentence(
        INFO,
        lambda f: (
            f"{f['personalRows']} personal values were removed from the audit log ({f['why']})"
        ),
    ),
    Action.AUDIT_REDACTED: Sentence(
        NOTICE,
        lambda f: (
            f"Event {f['event']} of the audit log was redacted, because it named an erased person"
        ),
    ),
    Action.EXPERIENCE_CREATED: Sentence(
        NOTICE, lambda f: f"{f.actor} connected the experience {f.experience}"
    ),
    Action.EXPERIENCE_CHANGED: Sentence(
        NOTICE, lambda f: f"{f.actor} changed the experience {f.experience}"
    ),
    Action.CLAIM_DENIED: Sentence(
        CRITICAL,
        lambda f: (
            f"{f.actor} denies an action that {f.experience} sent in their name ({f['act']} {f.target}): rotate its key"
        ),
    ),
    Action.KEY_CREATED: Sentence(WARNING, lambda f: f"{f.actor} made a key for {f.experience}"),
    Action.KEY_ROTATED: Sentence(WARNING, lambda f: f"{f.actor} rotated the key of {f.experience}"),
    Action.KEY_QUARANTINED: Sentence(
        CRITICAL,
        lambda f: (
            f"A key of {f.experience} sent {f['count']} {f['words']} in {f['seconds']} seconds. What it sends is"
            " stored, and counts only after two owners release it"
        ),
    ),
    Action.QUARANTINE_RELEASED: Sentence(
        WARNING, lambda f: f"{f.actor} released {f['rows']} rows of {f.experience} from quarantine"
    ),
    Action.QUARANTINE_DISCARDED: Sentence(
        WARNING,
        lambda f: f"{f.actor} discarded {f['rows']} rows of {f.experience} that were in quarantine",
    ),
    Action.KEY_REVOKED: Sentence(WARNING, lambda f: f"{f.actor} revoked a key of {f.experience}"),
    Action.ADJUSTMENT_PREVIEWED: Sentence(
        NOTICE,
        lambda f: (
            f"{f.actor} requests to adjust {f['rows']} players by {f['total']} points in total"
        ),
    ),
    Action.ADJUSTMENT_APPROVED: Sentence(WARNING, lambda f: f"{f.actor} approved {f.target}"),
    Action.ADJUSTMENT_REJECTED: Sentence(NOTICE, lambda f: f"{f.actor} rejected {f.target}"),
    Action.ADJUSTMENT_APPLIED: Sentence(
        NOTICE,
        lambda f: (
            f"{f.target} {'is done' if f['done'] else 'goes on'}: {f['count']} players, {f['sum']} points"
        ),
    ),
    Action.IMPORT_BEGUN: Sentence(
        NOTICE, lambda f: f"{f.actor} began {f.target} from a {f['source']} for {f['experience']}"
    ),
    Action.IMPORT_PREVIEWED: Sentence(
        NOTICE,
        lambda f: (
            f"{f.target} is checked: {f['changing']} of {f['rows']} rows change a player,"
            f" {f['total']} points in all"
        ),
    ),
    Action.IMPORT_APPROVED: Sentence(WARNING, lambda f: f"{f.actor} approved {f.target}"),
    Action.IMPORT_REJECTED: Sentence(NOTICE, lambda f: f"{f.actor} rejected {f.target}"),
    Action.IMPORT_APPLIED: Sentence(
        NOTICE,
        lambda f: (
            f"{f.target} is done: {f['count']} players, {f['ranks']} ranks, {f['warnings']} warnings"
            if f["done"]
            else f"{f.target} goes on: {f['count']} players"
        ),
    ),
    Action.MEMBER_JOINED: Sentence(INFO, lambda f: f"{f.target} joined the group"),
    Action.MEMBER_LEFT: Sentence(INFO, lambda f: f"{f.target} left the group"),
    Action.MEMBER_RETURNED: Sentence(
        INFO, lambda f: f"{f.target} came back to the group ({f['rejoin']})"
    ),
    Action.MEMBER_LINKED: Sentence(INFO, lambda f: f"{f.target} linked their Discord account"),
    Action.MEMBER_UNLINKED: Sentence(INFO, lambda f: f"{f.target} unlinked their Discord account"),
    Action.MEMBERS_READ: Sentence(
        INFO,
        lambda f: f"Roblox says that {f['members']} players are members and {f['guests']} are not",
    ),
    Action.SYNC_ASKED: Sentence(
        CRITICAL, lambda f: f"The pull of {f['activity']} waits: {f['question']}"
    ),
    Action.SYNC_CONFIRMED: Sentence(
        WARNING, lambda f: f"{f.actor} confirmed the pull of {f['activity']}"
    ),
    Action.SYNC_REQUESTED: Sentence(
        INFO, lambda f: f"{f.actor} asked for a pull of {f['activity']}{in_experience(f)}"
    ),
    Action.SYNC_PAUSED: Sentence(
        NOTICE, lambda f: f"{f.actor} paused the pull of {f['activity']}{in_experience(f)}"
    ),
    Action.SYNC_RESUMED: Sentence(
        NOTICE, lambda f: f"{f.actor} resumed the pull of {f['activity']}{in_experience(f)}"
    ),
    Action.SYNC_FINISHED: Sentence(
        INFO, lambda f: f"The pull of {f['activity']}{in_experience(f)} ended{_counters(f)}"
    ),
    Action.DATABASE_RESTORED: Sentence(
        CRITICAL,
        lambda f: (
            f"The database was restored from a backup: {f['lostEvents']} events are lost, and"
            f" {f['staffActs']} acts of staff are to be entered again"
        ),
    ),
    Action.DRIFT_FOUND: Sentence(
        WARNING, lambda f: f"Roblox shows another {f['aspect']} than GRPS{in_experience(f)}"
    ),
    Action.DRIFT_RESOLVED: Sentence(
        NOTICE, lambda f: f"{f.actor} resolved a difference of {f['aspect']} ({f['resolution']})"
    ),
    Action.MIRROR_CONFIRMED: Sentence(
        INFO, lambda f: f"Roblox shows {f.target}'s {f['aspect'] or 'state'} as desired"
    ),
    Action.MIRROR_PARKED: Sentence(
        WARNING, lambda f: f"Roblox does not accept {f.target}'s {f['aspect'] or 'state'}"
    ),
    Action.ROLE_PINNED: Sentence(
        WARNING, lambda f: f"{f.actor} pinned roles of the group to ranks ({f['ranks']})"
    ),
    Action.ROLE_PARKED: Sentence(
        CRITICAL,
        lambda f: (
            f"The role of the rank {f['rank']} changed on Roblox. GRPS does not assign it until it is pinned again"
        ),
    ),
    Action.ROLE_RELEASED: Sentence(
        NOTICE, lambda f: f"The role of the rank {f['rank']} matches the pinned one on Roblox again"
    ),
    Action.DISCORD_ROLES_CHANGED: Sentence(
        INFO, lambda f: f"{f.target}'s roles on Discord changed ({', '.join(f['changes'])})"
    ),
    Action.DISCORD_ROLES_PARKED: Sentence(
        WARNING, lambda f: f"{f.target}'s roles on Discord cannot be set"
    ),
    Action.ACCESS_GRANTED: Sentence(
        CRITICAL, lambda f: f"{f.actor} gave {f.target} access to the console"
    ),
    Action.ACCESS_REVOKED: Sentence(
        CRITICAL, lambda f: f"{f.actor} took {f.target}'s access away ({f['role']})"
    ),
    Action.STAFF_SIGNED_IN: Sentence(INFO, lambda f: f"{f.actor} signed in ({f['way']})"),
    Action.STAFF_SIGN_IN_FAILED: Sentence(
        WARNING,
        lambda f: f"{_times(f, 'A sign-in', 'sign-ins')} to the console failed ({f['why']})",
    ),
    Action.STAFF_SIGNED_OUT: Sentence(INFO, lambda f: f"{f.actor} signed out"),
    Action.STAFF_LINKED: Sentence(CRITICAL, lambda f: f"{f.actor} {_linked(f)}"),
    Action.STAFF_UNLINKED: Sentence(
        WARNING, lambda f: f"{f.actor} unlinked an account of {f['provider']}{_called(f)}"
    ),
    Action.STAFF_FACTOR_ADDED: Sentence(
        WARNING, lambda f: f"{f.actor} set up a second factor ({f['kind']})"
    ),
    Action.STAFF_FACTOR_REMOVED: Sentence(
        CRITICAL, lambda f: f"{f.actor} took a second factor away ({f['kind']})"
    ),
    Action.SESSION_ENDED: Sentence(
        NOTICE, lambda f: f"A session of {f.target} was ended ({f['why']})"
    ),
    Action.ENDPOINT_CREATED: Sentence(
        WARNING, lambda f: f"{f.actor} added the endpoint {_endpoint(f)}"
    ),
    Action.ENDPOINT_CHANGED: Sentence(
        WARNING, lambda f: f"{f.actor} changed the endpoint {_endpoint(f)}"
    ),
    Action.ENDPOINT_DELETED: Sentence(
        WARNING, lambda f: f"{f.actor} deleted the endpoint {_endpoint(f)}"
    ),
    Action.ENDPOINT_ENABLED: Sentence(
        NOTICE, lambda f: f"{f.actor} enabled the endpoint {_endpoint(f)}"
    ),
    Action.ENDPOINT_DISABLED: Sentence(
        CRITICAL, lambda f: f"{f.actor} disabled the endpoint {_endpoint(f)}"
    ),
    Action.SECRET_ROTATED: Sentence(
        WARNING, lambda f: f"{f.actor} rotated the secret of the endpoint {_endpoint(f)}"
    ),
    Action.SYSTEM_SECRET_ROTATED: Sentence(
        WARNING, lambda f: f"{f.actor} rotated the secret {f['secret']} of the installation"
    ),
    Action.SYSTEM_SECRET_FINISHED: Sentence(
        WARNING, lambda f: f"{f.actor} removed the previous value of the secret {f['secret']}"
    ),
    Action.SIGNING_KEY_ROTATED: Sentence(
        CRITICAL, lambda f: f"{f.actor} replaced the key that signs the audit log"
    ),
    Action.SIGNING_KEY_RETIRED: Sentence(
        WARNING, lambda f: f"{f.actor} retired the previous key that signed the audit log"
    ),
    Action.DELIVERY_RESENT: Sentence(
        NOTICE,
        lambda f: f"{f.actor} sent {f['count']} deliveries again to the endpoint {_endpoint(f)}",
    ),
    Action.DELIVERY_FAILING: Sentence(
        WARNING,
        lambda f: (
            f"The endpoint {_endpoint(f)} fails since {f['since'][:16].replace('T', ' ')} UTC"
        ),
    ),
    Action.DELIVERY_RECOVERED: Sentence(
        GOOD, lambda f: f"The endpoint {_endpoint(f)} takes deliveries again"
    ),
    Action.DELIVERY_EXHAUSTED: Sentence(
        CRITICAL, lambda f: f"{f['count']} deliveries to the endpoint {_endpoint(f)} were given up"
    ),
}
