"""What comes in over HTTP, and what is answered, as typed shapes."""

from typing import Annotated, Any

import msgspec

from players.api.schemas import Out


class NotificationIn(msgspec.Struct, frozen=True, rename="pascal"):
    """A notification of Roblox. `EventPayload` is what its type says; fields that are not known do
    not matter.
    """

    notification_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    event_type: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    event_time: str = ""
    event_payload: dict[str, Any] = {}


class NotificationOut(Out, frozen=True):
    """`handled`: GRPS knows the type and has acted on it. `repeated`: it came before, and nothing
    was done now.
    """

    notification_id: str
    status: Annotated[str, msgspec.Meta(pattern="^(stored|handled)$")]
    repeated: bool
