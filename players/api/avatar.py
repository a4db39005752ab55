"""Headshots of players over HTTP."""

from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from players import avatars
from players.api.base import View


class PlayerAvatar(View):
    """A player's headshot as PNG or WebP. It is not there until a worker has fetched it."""

    caller, cached, response_body = "anyone", True, None
    writes = True  # requests a picture that is missing or old
    media_types = ("image/png", "image/webp")
    error_statuses = (404,)

    def get(self, request: Request, user_id: int) -> HttpResponse:
        found = avatars.picture(user_id)
        if found is None:
            raise NotFound(f"There is no picture of the user id {user_id}.")
        return HttpResponse(found.body, content_type=found.media_type)
