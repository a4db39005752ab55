"""The acts of staff on exemptions from quotas, for the registry."""

from audits.actions import Action
from players.actions import inverses, preconditions
from players.actions.consequences import says
from players.actions.inverses import Inverse
from players.actions.params import Exemption, ExemptionId
from players.actions.staff_action import StaffAction
from players.policy.permissions import Act
from players.quotas import exemptions

QUOTA_ACTIONS: tuple[StaffAction, ...] = (
    StaffAction(
        name="exempt",
        title="Exempt from quotas",
        phrase="Exempt from quotas",
        right="players.warn",
        permission=Act.EXEMPT,
        params=Exemption,
        perform=lambda user_id, it, command: exemptions.exempt(
            user_id, command, quota=it.quota, until=it.until
        ),
        precondition=preconditions.exempt,
        consequence=says("Quotas ask nothing of them from today on, until the exemption ends."),
        events={
            Action.PLAYER_EXEMPTED: Inverse(
                "end-exemption", inverses.running_exemption, inverses.own_exemption
            )
        },
        bulk=False,
        in_game=False,
    ),
    StaffAction(
        name="end-exemption",
        title="End the exemption",
        phrase="End the exemption of",
        right="players.warn",
        permission=Act.EXEMPT,
        params=ExemptionId,
        subject=lambda facts: exemptions.open_id(facts.player, facts.now),
        perform=lambda user_id, it, command: exemptions.end(it.exemption, command),
        precondition=preconditions.end_exemption,
        consequence=says("Quotas bind them again from today on."),
        events={
            Action.EXEMPTION_ENDED: Inverse(
                "exempt", inverses.lost_exemption, inverses.same_exemption
            )
        },
        bulk=False,
        in_game=False,
    ),
)
