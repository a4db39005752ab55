"""Whether the rule accepts a request to join the group, declines it, or leaves it to a person."""

import datetime as dt
import enum
from dataclasses import dataclass

from players.policy.community import JoinRequests

DAY = dt.timedelta(days=1)


class JoinDecision(enum.StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Applicant:
    """What is known of somebody who asks to join. `made_at`: of their account, None if unknown.

    `banned`: here. `unwanted`: they stand on the list of people to be declined.
    """

    made_at: dt.datetime | None
    banned: bool
    unwanted: bool


@dataclass(frozen=True, slots=True)
class JoinVerdict:
    """The rule's decision (None: a person decides), with a sentence."""

    decision: JoinDecision | None
    reason: str


def judge(applicant: Applicant, rules: JoinRequests, now: dt.datetime) -> JoinVerdict:
    """Judge a request by the policy."""
    if applicant.unwanted:
        return JoinVerdict(JoinDecision.DECLINE, "They stand on the list of people to be declined.")
    if applicant.banned:
        return JoinVerdict(JoinDecision.DECLINE, "They are banned here.")
    if applicant.made_at is None:
        return JoinVerdict(None, "Roblox has not said yet how old the account is.")
    days = (now - applicant.made_at) // DAY
    if days < rules.min_account_age_days:
        least = rules.min_account_age_days
        return JoinVerdict(None, f"The account is {days} days old; {least} are asked for.")
    return JoinVerdict(JoinDecision.ACCEPT, "The rule of the policy accepts them.")
