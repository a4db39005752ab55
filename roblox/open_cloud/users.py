"""Users: the names of accounts."""

import datetime as dt

import msgspec

from common.visible_text import clean_name
from roblox.open_cloud.client import OpenCloud, Request
from roblox.open_cloud.errors import OpenCloudError
from roblox.open_cloud.operations import GET_USER


class User(msgspec.Struct, frozen=True, rename="camel"):
    """An account. `name` is unique and can change."""

    id: str = ""
    name: str = ""
    display_name: str = ""
    create_time: dt.datetime | None = None


def get(client: OpenCloud, user_id: int) -> User | None:
    """Return an account, None if there is none."""
    try:
        user = client.call(Request(GET_USER, {"user": user_id}), User)
    except OpenCloudError as error:
        if error.missing:
            return None
        raise
    return User(user.id, clean_name(user.name), clean_name(user.display_name), user.create_time)
