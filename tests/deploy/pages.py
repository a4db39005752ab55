"""The command blocks of the pages about running GRPS.

A block is fenced as ``sh``. The comment above it says whether the tests run it:
``<!-- tried -->``, or ``<!-- not tried: REASON -->``.
"""

import re
from dataclasses import dataclass

from common.environment import BASE_DIR

PAGES = ("run.md", "run-container.md", "run-systemd.md", "run-platform.md", "upgrade.md")
BLOCK = re.compile(r"(?:<!-- (tried|not tried: [^>]+) -->\n)?```sh\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    page: str
    mark: str
    text: str

    @property
    def is_tried(self) -> bool:
        return self.mark == "tried"


def blocks(page: str) -> list[Block]:
    text = (BASE_DIR / "docs" / page).read_text()
    return [Block(page, mark, script) for mark, script in BLOCK.findall(text)]


def block_with(page: str, words: str) -> Block:
    """Return the only block of the page that has these words."""
    (found,) = [block for block in blocks(page) if words in block.text]
    return found
