"""Somebody who is being erased: their ids, and every word by which a text may name them."""

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

GONE = "…"  # stands where a name or an id was
SHORTEST = 3  # characters of a name that is looked for in texts: Roblox gives no shorter ones
LONG_ENOUGH = 6  # digits of an id that no other number in a text is likely to be
UNMISTAKABLE = 9  # digits of an id that no number of ours has
# Before an id of few digits: without one of these, 156 in a text is any number.
ID_WORDS = r"(?:user|player|users|id|userid|user_id|player_id|actor|moderator|by|owner|officer)"
ID_KEYS = re.compile(r"user|actor|moderator|owner|officer|subject|member|^by$|^id$", re.IGNORECASE)


@dataclass(frozen=True)
class Person:
    """`player_id` is ours and None where they are no player; `accounts` are ids of console
    accounts.

    `pseudonym` is the negative id that takes the place of theirs; `others` are ids that other
    services gave them.
    """

    user_id: int
    pseudonym: int
    player_id: int | None = None
    accounts: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """How the audit log names a player; nobody's where they are none."""
        return f"player:{self.player_id}" if self.player_id is not None else ""

    @property
    def subjects(self) -> list[str]:
        """Every way in which a row says whose it is."""
        found = [self.subject] if self.subject else []
        found += [f"user:{self.user_id}", *(f"staff:{one}" for one in self.accounts)]
        found += [f"discord:{one}" for one in self.others]
        return found + [sign_in_subject(name) for name in self.names]

    @property
    def words(self) -> list[str]:
        """Their ids, and every name that is long enough to be looked for."""
        return list(dict.fromkeys([str(self.user_id), *self.others, *self.long_names]))

    @property
    def long_names(self) -> list[str]:
        return [name for name in dict.fromkeys(self.names) if len(name) >= SHORTEST]

    @cached_property
    def told(self) -> re.Pattern[str]:
        """Finds their words in a text."""
        ids = [_id_pattern(number) for number in (str(self.user_id), *self.others)]
        names = [_name_pattern(spelt) for name in self.long_names for spelt in spellings(name)]
        # The longest first: one name may be a part of another.
        return re.compile("|".join(ids + sorted(names, key=len, reverse=True)))

    @property
    def likes(self) -> list[str]:
        """LIKE patterns of which every text that `told` matches has one, whatever its case."""
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
        """The text; whatever in it names them is `…`."""
        return self.told.sub(GONE, text)

    def known_as(self, names: Iterable[str] = (), others: Iterable[str] = ()) -> "Person":
        """The same person, with more words."""
        return replace(
            self,
            names=tuple(dict.fromkeys([*self.names, *(name for name in names if name)])),
            others=tuple(dict.fromkeys([*self.others, *(other for other in others if other)])),
        )

    def without_in(self, value: Any, fixed: frozenset[str] = frozenset(), key: str = "") -> Any:
        """The same JSON without them: a text that names them has `…`, and an id as a number is
        null.

        What stands under a key of `fixed` is a word of ours, which a name may equal by chance: it
        stays.
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
        """Whether a number is an id of theirs and not a count that equals it."""
        if text not in (str(self.user_id), *self.others):
            return False
        return len(text) >= UNMISTAKABLE or ID_KEYS.search(key) is not None


def new_pseudonym() -> int:
    """An id that Roblox never gives and that says nothing of whose place it takes."""
    return -secrets.randbelow(2**62) - 1


def sign_in_subject(name: str) -> str:
    """Whose a refused sign-in is, where only a name was given."""
    return f"sign-in:{name[:60].lower()}"


def spellings(word: str) -> list[str]:
    """A word as it stands in a text, in JSON and in an address."""
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
    """A name with a digit or `_` is found wherever it stands; one that may be a word, as a whole
    word only.
    """
    found = re.escape(name)
    if not (re.fullmatch(r"\w+", name) and len(name) >= LONG_ENOUGH and re.search(r"[\d_]", name)):
        found = rf"(?<![^\W_]){found}(?![^\W_])"
    return f"(?i:{found})" if len(name) >= LONG_ENOUGH else found
