"""A person who is being erased: their ids, and every name by which a text may refer to them."""

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

GONE = "…"  # replaces a name or an id
SHORTEST = 3  # characters of a name to search for in texts: Roblox has no shorter ones
LONG_ENOUGH = 6  # digits of an id that is unlikely to equal another number in a text
UNMISTAKABLE = 9  # digits of an id that none of our own numbers has
# Required before an id of few digits: otherwise 156 in a text could be any number.
ID_WORDS = r"(?:user|player|users|id|userid|user_id|player_id|actor|moderator|by|owner|officer)"
ID_KEYS = re.compile(r"user|actor|moderator|owner|officer|subject|member|^by$|^id$", re.IGNORECASE)


@dataclass(frozen=True)
class Person:
    """The ids and names of a person.

    `player_id` is our id, None if they are no player. `accounts` are ids of console accounts.
    `pseudonym` is the negative id that replaces their Roblox id. `others` are ids from other
    services.
    """

    user_id: int
    pseudonym: int
    player_id: int | None = None
    accounts: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The player's subject in the audit log, "" if they are no player."""
        return f"player:{self.player_id}" if self.player_id is not None else ""

    @property
    def subjects(self) -> list[str]:
        """Every subject under which rows may belong to the person."""
        found = [self.subject] if self.subject else []
        found += [f"user:{self.user_id}", *(f"staff:{one}" for one in self.accounts)]
        found += [f"discord:{one}" for one in self.others]
        return found + [sign_in_subject(name) for name in self.names]

    @property
    def words(self) -> list[str]:
        """The person's ids, and every name that is long enough to search for."""
        return list(dict.fromkeys([str(self.user_id), *self.others, *self.long_names]))

    @property
    def long_names(self) -> list[str]:
        return [name for name in dict.fromkeys(self.names) if len(name) >= SHORTEST]

    @cached_property
    def told(self) -> re.Pattern[str]:
        """A pattern that matches the person's names and ids in a text."""
        ids = [_id_pattern(number) for number in (str(self.user_id), *self.others)]
        names = [_name_pattern(spelt) for name in self.long_names for spelt in spellings(name)]
        # Longest first, because one name may be part of another.
        return re.compile("|".join(ids + sorted(names, key=len, reverse=True)))

    @property
    def likes(self) -> list[str]:
        """LIKE patterns, at least one of which matches every text that `told` matches, in any case."""
        spelt = {
            form
            for word in self.words
            for one in spellings(word)
            for form in (one, one.lower(), one.upper())
        }
        return [f"%{re.sub(r'([\\%_])', r'\\\1', form)}%" for form in sorted(spelt)]

    def named_in(self, text: str) -> bool:
        return self.told.search(text) is not None

    def without(self, text: str) -> str:
        """Return the text with `…` instead of the person's names and ids."""
        return self.told.sub(GONE, text)

    def known_as(self, names: Iterable[str] = (), others: Iterable[str] = ()) -> "Person":
        """Return the same person with more names and ids."""
        return replace(
            self,
            names=tuple(dict.fromkeys([*self.names, *(name for name in names if name)])),
            others=tuple(dict.fromkeys([*self.others, *(other for other in others if other)])),
        )

    def without_in(self, value: Any, fixed: frozenset[str] = frozenset(), key: str = "") -> Any:
        """Return the same JSON without the person: names become `…`, numeric ids become null.

        A value under a key in `fixed` is one of our own terms, which may equal a name by chance. It
        is not changed.
        """
        if key in fixed:
            return value
        if isinstance(value, str):
            return GONE if self._is_id(value, key) else self.without(value)
        if isinstance(value, list):
            return [self.without_in(item, fixed, key) for item in value]
        if isinstance(value, dict):
            return {
                (name if name in fixed else self.without(name)): self.without_in(item, fixed, name)
                for name, item in value.items()
            }
        if isinstance(value, int) and not isinstance(value, bool) and self._is_id(str(value), key):
            return None
        return value

    def _is_id(self, text: str, key: str) -> bool:
        """Return whether a number is an id of the person, and not a count that equals it."""
        if text not in (str(self.user_id), *self.others):
            return False
        return len(text) >= UNMISTAKABLE or ID_KEYS.search(key) is not None


def new_pseudonym() -> int:
    """Return a random id that Roblox never assigns and that reveals nothing about the person."""
    return -secrets.randbelow(2**62) - 1


def sign_in_subject(name: str) -> str:
    """Return the subject of a refused sign-in for which only a name was entered."""
    return f"sign-in:{name[:60].lower()}"


def spellings(word: str) -> list[str]:
    """Return the forms of a word in plain text, in JSON and in a URL."""
    return list(
        dict.fromkeys(
            [word, json.dumps(word, ensure_ascii=False)[1:-1], quote(word), quote_plus(word)]
        )
    )


def _id_pattern(number: str) -> str:
    if len(number) >= LONG_ENOUGH:
        return rf"(?<!\d){number}(?!\d)"
    return rf"(?i:(?<![^\W_]){ID_WORDS}s?[\W_]{{1,3}}{number}(?!\d))"


def _name_pattern(name: str) -> str:
    """Return a pattern for a name.

    A name with a digit or `_` matches anywhere. One that may be an ordinary word matches only as a
    whole word.
    """
    found = re.escape(name)
    if not (re.fullmatch(r"\w+", name) and len(name) >= LONG_ENOUGH and re.search(r"[\d_]", name)):
        found = rf"(?<![^\W_]){found}(?![^\W_])"
    return f"(?i:{found})" if len(name) >= LONG_ENOUGH else found
