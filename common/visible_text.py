"""Names and texts of people without characters that hide, blank or reorder what is shown.

Unicode's bidirectional controls turn a name around the text beside it (Unicode TR 36), and blank or
zero-width characters make two names look the same.
"""

import re
import unicodedata
from functools import lru_cache

MOST_MARKS = 4  # combining marks on one letter; no language writes more
JOINERS = "\u200c\u200d"  # Persian and emoji need them between letters
# Letters and symbols that are drawn as nothing.
BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u2800\u3164\uffa0"
ISOLATE, END_ISOLATE = "\u2068", "\u2069"
RIGHT_TO_LEFT = {"R", "AL", "AN"}
BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PLAIN = re.compile(r"[!-~]+( [!-~]+)*", re.ASCII)
_PLAIN_TEXT = re.compile(r"[ -~\n]*", re.ASCII)
_LONELY_JOINERS = re.compile(rf"(?<![^\s{JOINERS}])[{JOINERS}]+|[{JOINERS}]+(?![^\s{JOINERS}])")


def clean_name(text: str, limit: int = 50) -> str:
    """Return a name in one line and in Unicode's form C, at most `limit` characters.

    The result is empty if nothing of the name is visible.
    """
    if _PLAIN.fullmatch(text):
        return text[:limit]
    return " ".join(_visible(text).split())[:limit].strip(f" {JOINERS}")


def clean_text(text: str) -> str:
    """Return a text with its line breaks, trimmed. It is empty if nothing of it is visible."""
    if _PLAIN_TEXT.fullmatch(text):
        return text.strip()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_visible(line).rstrip() for line in lines).strip()


def isolated(text: str) -> str:
    """Return a text to stand in a sentence, so that its direction does not change the sentence's."""
    if text.isascii():
        return text
    text = BIDI_CONTROLS.sub("", text)
    if RIGHT_TO_LEFT.isdisjoint(map(unicodedata.bidirectional, text)):
        return text
    return f"{ISOLATE}{text}{END_ISOLATE}"


def _visible(text: str) -> str:
    """Drop what is not visible, and turn blanks and controls into spaces."""
    found: list[str] = []
    marks = MOST_MARKS  # none before the first letter
    for character in unicodedata.normalize("NFC", text):
        kind = _kind(character)
        if kind == "mark":
            marks += 1
        elif kind != "joiner" and kind != "hidden":
            marks = MOST_MARKS if kind == "blank" else 0
        if kind != "hidden" and (kind != "mark" or marks <= MOST_MARKS):
            found.append(" " if kind == "blank" else character)
    # What was dropped may have kept a letter from its mark.
    return unicodedata.normalize("NFC", _LONELY_JOINERS.sub("", "".join(found)))


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z" or category == "Cc" or character in BLANK_LETTERS:
        return "blank"
    if character in JOINERS:
        return "joiner"
    if category[0] == "C":  # format, surrogate, private use, not assigned
        return "hidden"
    return "mark" if category in {"Mn", "Me"} else "letter"
