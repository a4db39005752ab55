"""The code of a case: what the sanctioned player is shown, and what an appeal has to bring."""

import re
import secrets

# No vowels, so that no code spells a word, and no digits, since Roblox's text filter hides rows of
# them.
LETTERS = "BCDFGHJKMNPQRSTVWXYZ"
LENGTH = 12  # of 20 letters: 52 random bits
SHOWN = re.compile(rf"\(case [{LETTERS}]{{{LENGTH}}}\)")
LONGEST = 40  # characters of a code as somebody types it, with blanks and dashes


def new_code() -> str:
    """A code that nobody can guess."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def hidden(text: str) -> str:
    """What a banned player reads, as staff may read it: the code of the case is the player's alone."""
    return SHOWN.sub("(case …)", text)


def read_code(text: str) -> str:
    """A code as it is stored, from what somebody typed; empty for what is none."""
    found = "".join(letter for letter in text.upper() if not letter.isspace() and letter != "-")
    return found if len(found) == LENGTH and set(found) <= set(LETTERS) else ""
