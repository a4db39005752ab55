"""Case codes: shown to the sanctioned player, required by an appeal."""

import re
import secrets

# No vowels, so that no code spells a word, and no digits, since Roblox's text filter hides rows of
# them.
LETTERS = "BCDFGHJKMNPQRSTVWXYZ"
LENGTH = 12  # of 20 letters: 52 random bits
SHOWN = re.compile(rf"\(case [{LETTERS}]{{{LENGTH}}}\)")
LONGEST = 40  # characters of a code as somebody types it, with blanks and dashes


def new_code() -> str:
    """A random code."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def hidden(text: str) -> str:
    """A ban's text without its case code, which staff must not see."""
    return SHOWN.sub("(case …)", text)


def read_code(text: str) -> str:
    """A typed code in the stored form; "" for an invalid one."""
    found = "".join(letter for letter in text.upper() if not letter.isspace() and letter != "-")
    return found if len(found) == LENGTH and set(found) <= set(LETTERS) else ""
