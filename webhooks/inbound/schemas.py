"""Request and response shapes of Roblox's notifications."""

from typing import Annotated, Any

import msgspec

from players.api.schemas import Out


class NotificationIn(msgspec.Struct, frozen=True, rename="pascal"):
    """A notification. The shape of `EventPayload` depends on its type; unknown fields are ignored."""

    notification_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    event_type: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    event_time: str = ""
    event_payload: dict[str, Any] = {}


class NotificationOut(Out, frozen=True):
    """`handled`: GRPS knows the type and acted on it. `repeated`: it was stored before."""

    notification_id: str
    status: Annotated[str, msgspec.Meta(pattern="^(stored|handled)$")]
    repeated: bool
