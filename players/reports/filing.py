"""Report another member. The rule owns its transaction; every entry point calls it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Collate, Lower

from audits.actions import Action
from audits.record import Actor, record
from common.errors import Refused
from common.parsing import is_row_id
from players.membership.status import present
from players.models import MemberReport, Player
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.input import check_evidence, check_reason
from players.policy.membership import belongs
from players.reports import queries

DAY = dt.timedelta(days=1)
MOST_A_DAY = 5  # reports of one member in 24 hours
MOST_FROM_GAMES = 200  # open ones, since a game server vouches for who reports

UNKNOWN = "player: nobody is known under this name or user id."

# The audit log and webhooks say that somebody was reported. Only the table says by whom.
MEMBERS = Actor("system", "reports", "a member")
Source = MemberReport.Source


@dataclass(frozen=True, slots=True)
class Filing:
    """What a member reports, and where they did it. `evidence`: https:// links."""

    reason: str
    evidence: Sequence[str] = ()
    source: Source = Source.PAGE
    experience: str = ""


def file(reporter_id: int, reported_id: int, filing: Filing, now: dt.datetime) -> MemberReport:
    """Store the report of one member about another, by their Roblox user ids. Raises Refused."""
    reason, evidence = check_reason(filing.reason), check_evidence(filing.evidence)
    if reporter_id == reported_id:
        raise Refused("player: nobody reports themselves.")
    with transaction.atomic():
        reporter, reported = _lock(reporter_id, reported_id)
        _check_reporter(reporter, now)
        _check_often(reporter, reported, filing.source, now)
        report = MemberReport.objects.create(
            reporter=reporter,
            reported=reported,
            source=filing.source,
            experience=filing.experience,
            reason=reason,
            evidence=evidence,
            created_at=now,
        )
        record(
            Action.MEMBER_REPORTED,
            actor=MEMBERS,
            target=target_of(reported),
            experience=filing.experience,
            details={"report": report.pk, "source": str(filing.source)},
            policy_version=policy_version(),
        )
        return report


def user_id_of(word: str) -> int:
    """Return the Roblox user id of a whole username, in any case, or of an id. Raises Refused."""
    word = word.strip().removeprefix("@")
    rows = Player.objects.filter(erased_at=None, user_id__gt=0)
    if is_row_id(word):
        found = list(rows.filter(user_id=int(word)).values_list("user_id", flat=True))
    else:
        named = rows.alias(lower=Collate(Lower("username"), "C")).filter(lower=word.lower())
        found = list(named.values_list("user_id", flat=True)[:2])
    if not found:
        raise Refused(UNKNOWN)
    if len(found) > 1:
        raise Refused("player: several people have this name; give the user id.")
    return found[0]


def _lock(reporter_id: int, reported_id: int) -> tuple[Player, Player]:
    """Lock the reporter, and return both. Raises Refused for somebody unknown."""
    known = Player.objects.filter(erased_at=None)
    reporter = known.select_for_update(no_key=True).filter(user_id=reporter_id).first()
    if reporter is None:
        raise Refused("GRPS does not know you yet: play first.")
    reported = known.filter(user_id=reported_id).first()
    if reported is None:
        raise Refused(UNKNOWN)
    return reporter, reported


def _check_reporter(reporter: Player, now: dt.datetime) -> None:
    if reporter.banned or not belongs(present(reporter.member)):
        raise Refused("Only members of the group report others.")
    mute = queries.mute_of(reporter, now)
    if mute is not None:
        until = f"until {mute.ends_at:%Y-%m-%d %H:%M} UTC" if mute.ends_at else "for now"
        raise Refused(f"Your reports are not accepted {until}: {mute.reason}")


def _check_often(reporter: Player, reported: Player, source: Source, now: dt.datetime) -> None:
    made = MemberReport.objects.filter(reporter=reporter)
    if made.filter(reported=reported, status=MemberReport.Status.OPEN).exists():
        raise Refused(f"You reported {reported.username} already; staff will answer.")
    if made.filter(created_at__gt=now - DAY).count() >= MOST_A_DAY:
        raise Refused(f"You reported {MOST_A_DAY} times in a day; try again tomorrow.")
    if source != Source.GAME:
        return
    open_ones = MemberReport.objects.filter(status=MemberReport.Status.OPEN, source=source)
    if open_ones[:MOST_FROM_GAMES].count() >= MOST_FROM_GAMES:
        raise Refused("Too many reports from games wait; report on the website.")
