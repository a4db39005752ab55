"""Find the user id in the key of a data store's entry."""

from collections.abc import Sequence

from common.parsing import whole_number

USER = "{userId}"
# Forms of keys that games and libraries use.
USUAL = (
    USER,
    f"Player_{USER}",
    f"player_{USER}",
    f"Player:{USER}",
    f"player:{USER}",
    f"User_{USER}",
    f"user_{USER}",
)


def user_in(key: str, form: str) -> int | None:
    """Return the user id of a key of that form."""
    before, _, after = form.partition(USER)
    if not (key.startswith(before) and key.endswith(after)):
        return None
    return whole_number(key[len(before) : len(key) - len(after) or None]) or None


def usual_form(key: str) -> str:
    """Return the usual form that a key has, "" if it has none."""
    return next((form for form in USUAL if user_in(key, form)), "")


def user_of(key: str, form: str, users: Sequence[str] = ()) -> int | None:
    """Return the user id of a key: by the form, by a usual one, or by the entry's metadata.

    `users`: what the metadata names, as `users/123`. It counts if it names one user.
    """
    found = user_in(key, form) or user_in(key, usual_form(key) or form)
    if found is not None:
        return found
    named = [whole_number(user.removeprefix("users/")) for user in users]
    return named[0] if len(named) == 1 else None
