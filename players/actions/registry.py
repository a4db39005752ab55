"""The single table of acts on a player, read by every page, preview, command and undo.

To add an act: one entry here, one sentence for its event in webhooks/messages/sentences.py, and one
row in tests/matrix.
"""

from audits.actions import Action
from common.errors import Refused
from players.actions import consequences, inverses, preconditions, rank_actions
from players.actions.consequences import says
from players.actions.facts import Facts
from players.actions.inverses import Inverse, always, until_former_end, while_in_force
from players.actions.leave_actions import LEAVE_ACTIONS
from players.actions.lock_actions import LOCK_ACTIONS
from players.actions.params import (
    AdjustmentParams,
    Ban,
    DecisionId,
    EventName,
    Evidence,
    NoteId,
    NoteText,
    Params,
    Pardon,
    RankName,
    RecommendationId,
    Suspension,
)
from players.actions.quota_actions import QUOTA_ACTIONS
from players.actions.staff_action import StaffAction
from players.discipline import notes, sanctions
from players.models import Player
from players.moderation.actors import Staff
from players.points import adjustments, event_grants, recommendations
from players.policy.permissions import Act


def _rank_events() -> dict[str, Inverse | None]:
    again = Inverse("rank", inverses.rank, inverses.former_rank)
    down = Inverse("rank", inverses.rank, inverses.former_rank, Act.DEMOTE)
    return {Action.RANK_DEMOTED: again, Action.RANK_PROMOTED: down}


ACTIONS: tuple[StaffAction, ...] = (
    StaffAction(
        name="warn",
        title="Warn",
        phrase="Warn",
        right="players.warn",
        permission=Act.WARN,
        params=Evidence,
        perform=lambda user_id, it, command: sanctions.warn(user_id, command, evidence=it.evidence),
        consequence=consequences.warn,
        events={
            Action.PLAYER_WARNED: Inverse(
                "pardon",
                while_in_force("Pardons the warning, and what followed from it."),
                inverses.own_warning,
            )
        },
    ),
    StaffAction(
        name="pardon",
        title="Pardon a warning",
        phrase="Pardon the last warning of",
        right="players.warn",
        permission=Act.PARDON,
        params=Pardon,
        subject=lambda facts: facts.newest_warning,
        perform=lambda user_id, it, command: sanctions.pardon(it.sanction, command),
        precondition=preconditions.pardon,
        consequence=says("The warning counts no more, and what followed from it ends with it."),
        events={
            Action.PLAYER_PARDONED: Inverse(
                "warn",
                always("Warns them again; what followed before does not come back by itself."),
                lambda facts: Evidence(),
            )
        },
    ),
    StaffAction(
        name="suspend",
        title="Suspend",
        phrase="Suspend",
        right="players.warn",
        permission=Act.SUSPEND,
        params=Suspension,
        perform=lambda user_id, it, command: sanctions.suspend(
            user_id, command, until=it.until, evidence=it.evidence
        ),
        precondition=preconditions.suspend,
        consequence=consequences.suspend,
        events={
            Action.PLAYER_SUSPENDED: Inverse(
                "lift", while_in_force("Lifts the suspension and gives the rank back.")
            )
        },
        severe=True,
    ),
    StaffAction(
        name="lift",
        title="Lift the suspension",
        phrase="Lift the suspension of",
        right="players.warn",
        permission=Act.LIFT,
        perform=lambda user_id, it, command: sanctions.lift(user_id, command),
        precondition=preconditions.lift,
        consequence=consequences.lift,
        events={
            Action.PLAYER_REINSTATED: Inverse(
                "suspend",
                until_former_end("Suspends them again, {until}."),
                inverses.same_suspension,
            )
        },
    ),
    StaffAction(
        name="ban",
        title="Ban",
        phrase="Ban",
        right="players.ban",
        permission=Act.BAN,
        params=Ban,
        perform=lambda user_id, it, command: sanctions.ban(
            user_id, command, until=it.until, evidence=it.evidence, alt_accounts=it.alt_accounts
        ),
        precondition=preconditions.ban,
        consequence=says(
            "They cannot join any of the community's games. A second person approves it first."
        ),
        events={
            Action.PLAYER_BANNED: Inverse(
                "unban", while_in_force("Lifts the ban, once a second person approved.")
            )
        },
        fresh_sign_in=True,
        severe=True,
        bulk=False,
    ),
    StaffAction(
        name="unban",
        title="Lift the ban",
        phrase="Lift the ban of",
        right="players.ban",
        permission=Act.UNBAN,
        perform=lambda user_id, it, command: sanctions.unban(user_id, command),
        precondition=preconditions.unban,
        consequence=says("They may join the games again. A second person approves it first."),
        events={
            Action.PLAYER_UNBANNED: Inverse(
                "ban",
                until_former_end("Bans them again, {until}, once a second person approved."),
                inverses.same_ban,
            )
        },
        fresh_sign_in=True,
        bulk=False,
    ),
    StaffAction(
        name="adjust",
        title="Adjust the points",
        phrase="Adjust the points of",
        right="players.adjust",
        permission=Act.ADJUST,
        params=AdjustmentParams,
        perform=lambda user_id, it, command: adjustments.adjust(user_id, it.amount, command),
        consequence=says(
            "It is a row of the ledger with your name; the rank follows as the policy says."
        ),
        events={
            Action.POINTS_ADJUSTED: Inverse("adjust", inverses.adjustment, inverses.opposite_amount)
        },
    ),
    StaffAction(
        name="recommend",
        title="Recommend",
        phrase="Recommend",
        right="players.warn",
        permission=Act.RECOMMEND,
        check_actor=recommendations.check_recommender,
        needs_officer=True,
        perform=lambda user_id, it, command: recommendations.recommend(user_id, command),
        precondition=preconditions.recommend,
        consequence=says(
            "It counts toward their next rank, once from you at this rank, and brings the points of"
            " your level."
        ),
        events={
            Action.PLAYER_RECOMMENDED: Inverse(
                "withdraw-recommendation",
                always("Takes the recommendation back, with its points."),
                inverses.own_recommendation,
            )
        },
    ),
    StaffAction(
        name="withdraw-recommendation",
        title="Take the recommendation back",
        phrase="Undo a recommendation of",
        right="players.warn",
        permission=Act.RECOMMEND,
        params=RecommendationId,
        perform=lambda user_id, it, command: recommendations.take_back(it.recommendation, command),
        events={Action.RECOMMENDATION_WITHDRAWN: None},
        dialog=False,
        bulk=False,
        in_game=False,
        command_line=False,
    ),
    StaffAction(
        name="propose",
        title="Propose a rank",
        phrase="Propose a rank for",
        right="players.warn",
        permission=Act.PROPOSE,
        params=RankName,
        perform=rank_actions.propose,
        precondition=preconditions.propose,
        consequence=says("Nothing changes until an officer who may give that rank approves."),
        events={Action.DECISION_PROPOSED: None},
    ),
    StaffAction(
        name="reopen",
        title="Propose again",
        phrase="Propose again for",
        right="players.warn",
        permission=Act.PROPOSE,
        params=DecisionId,
        perform=rank_actions.reopen,
        dialog=False,
        bulk=False,
        in_game=False,
        command_line=False,
    ),
    StaffAction(
        name="rank",
        title="Give a rank",
        phrase="Give a rank to",
        right="players.adjust",
        permission=Act.PROMOTE,
        params=RankName,
        perform=rank_actions.set_rank,
        precondition=preconditions.rank,
        consequence=says(
            "They hold it at once, and the group follows. Open proposals for them are withdrawn."
        ),
        events={
            Action.RANK_SET: Inverse("rank", inverses.rank, inverses.former_rank),
        },
        fresh_sign_in=True,
        in_game=False,
    ),
    StaffAction(
        name="approve",
        title="Approve what is proposed",
        phrase="Approve what is proposed for",
        right="players.adjust",
        permission=Act.PROMOTE,
        params=DecisionId,
        subject=lambda facts: facts.proposal.pk if facts.proposal else None,
        perform=rank_actions.approve,
        precondition=preconditions.approve,
        events=_rank_events(),
        dialog=False,
        in_game=False,
    ),
    StaffAction(
        name="reject",
        title="Reject what is proposed",
        phrase="Reject what is proposed for",
        right="players.adjust",
        permission=Act.PROMOTE,
        params=DecisionId,
        subject=lambda facts: facts.proposal.pk if facts.proposal else None,
        perform=rank_actions.reject,
        precondition=preconditions.decide,
        events={
            Action.DECISION_REJECTED: Inverse(
                "reopen", always("Proposes it again."), inverses.own_decision
            )
        },
        dialog=False,
        in_game=False,
    ),
    StaffAction(
        name="note",
        title="Write a note",
        phrase="Write a note on",
        right="players.warn",
        permission=Act.NOTE,
        params=NoteText,
        perform=lambda user_id, it, command: notes.write(user_id, it.text, command),
        consequence=says("Only staff see it. It can be withdrawn, not changed."),
        events={Action.PLAYER_NOTED: Inverse("withdraw", inverses.note, inverses.own_note)},
    ),
    StaffAction(
        name="withdraw",
        title="Withdraw the note",
        phrase="Withdraw a note on",
        right="players.warn",
        permission=Act.NOTE,
        params=NoteId,
        perform=lambda user_id, it, command: notes.withdraw(it.note, command),
        events={Action.NOTE_WITHDRAWN: None},
        bulk=False,
        in_game=False,
        command_line=False,
    ),
    *LEAVE_ACTIONS,
    *QUOTA_ACTIONS,
    StaffAction(
        name="award",
        title="Give an event",
        phrase="Give an event to",
        right="players.adjust",
        permission=Act.ADJUST,
        params=EventName,
        perform=lambda user_id, it, command: event_grants.give(user_id, it.event, command),
        events={Action.EVENT_GIVEN: None},
        dialog=False,
        bulk=False,
        command_line=False,
    ),
    *LOCK_ACTIONS,
)
BY_NAME = {action.name: action for action in ACTIONS}
INVERSES: dict[str, Inverse] = {
    str(event): inverse
    for action in ACTIONS
    for event, inverse in action.events.items()
    if inverse is not None
}


def why_not(action: StaffAction, facts: Facts, params: Params | None = None) -> str:
    """Return why an act makes no sense for a player now, or "" if it does."""
    if facts.player.erased_at is not None:
        return "The person was erased."
    return action.precondition(facts, params)


def why_not_by(action: StaffAction, by: Staff) -> str:
    """Return why this person may do the act to nobody at all, or ""."""
    try:
        action.check_actor(by)
    except Refused as refusal:
        return str(refusal)
    return ""


def exists_for(player: Player, action: StaffAction, pk: int) -> bool:
    """Return whether the row that a dialog names belongs to the player."""
    if action.subject_field == "sanction":
        return player.sanctions.filter(pk=pk).exists()
    if action.subject_field == "leave":
        return player.leaves.filter(pk=pk).exists()
    if action.subject_field == "exemption":
        return player.exemptions.filter(pk=pk).exists()
    return player.notes.filter(pk=pk).exists()
