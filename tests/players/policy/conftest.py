import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from players.policy.bundle import Bundle, load_bundle
from players.policy.membership import MembershipStatus
from players.policy.validation import FILES

MEMBER = MembershipStatus.MEMBER
MEMBERS: dict[str, Any] = {"actor_membership": MEMBER, "target_membership": MEMBER}
CONFIG = Path(__file__).resolve().parent.parent.parent.parent / "config"


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(CONFIG)


@pytest.fixture
def documents() -> dict[str, Any]:
    """Return a fresh copy of the project's policy files, which the test may change."""
    return {
        key: json.loads((CONFIG / name).read_text(), parse_float=Decimal)
        for key, name in FILES.items()
    }
