"""Fields that audit events of acts on players share."""

from audits.record import Target
from players.active_policy import ActivePolicy, active
from players.models import Player


def target_of(player: Player) -> Target:
    return Target("player", str(player.pk), player.username, player.subject)


def policy_version(policy: ActivePolicy | None = None) -> str:
    return (policy or active()).bundle.version
