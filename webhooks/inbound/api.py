"""The endpoint that receives notifications from Roblox."""

from typing import Any

import msgspec
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from common import database_clock
from players import tasks
from players.api.base import View
from webhooks.inbound import notifications
from webhooks.inbound.schemas import NotificationIn, NotificationOut

NUL, INSTEAD = b"\\u0000", b"\\ufffd"  # as they appear in JSON


class RobloxWebhook(View):
    """A notification that Roblox sends to the address configured in Creator Hub.

    Each is stored once by its `NotificationId`, and a repeat is answered like the first. A
    `RightToErasureRequest` becomes an order to erase the person; it is carried out afterwards,
    since Roblox waits five seconds only.
    """

    caller, request_body, response_body = "roblox", NotificationIn, NotificationOut

    def post(self, request: Request) -> Response:
        notification = self._notification(request)
        try:
            received = notifications.receive(notification, now=database_clock.now())
        except notifications.BadPayload as error:
            raise ValidationError({error.field: str(error)}) from None
        if notification.event_type == "RightToErasureRequest" and not received.repeated:
            tasks.ERASING.give()
        stored = received.notification
        return Response(
            NotificationOut(stored.notification_id, str(stored.status), received.repeated)
        )

    def _notification(self, request: Request) -> NotificationIn:
        """Parse the body. Its declared type is ignored, and NULs in its payload are replaced.

        It is signed, and an erasure order must not be lost because of a header or a character that
        PostgreSQL cannot store.
        """
        parser: Any = self.get_parsers()[0]
        document = parser.decode(request.body.replace(NUL, INSTEAD))
        if NUL in request.body:
            _refuse_nul_in_names(msgspec.json.decode(request.body))
        try:
            return msgspec.convert(document, NotificationIn)
        except msgspec.ValidationError as error:
            raise ValidationError(f"{error}.") from None


def _refuse_nul_in_names(document: dict[str, Any]) -> None:
    for name in ("NotificationId", "EventType", "EventTime"):
        if "\0" in str(document.get(name, "")):
            raise ValidationError(f"{name} holds a NUL character; leave it out.")
