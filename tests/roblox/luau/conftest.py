"""GRPS as games see it, and an experience that calls it."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import ADMIRAL, GENERAL, MAJOR
from tests.roblox.luau.universe import Universe


@pytest.fixture
def grps() -> Grps:
    """Return GRPS with three officers."""
    return Grps(
        standing={
            MAJOR: ("Tempest Major", None),
            ADMIRAL: ("Supreme Admirals", None),
            GENERAL: ("Brigadier General", None),
        }
    )


@pytest.fixture
def universe(grps: Grps) -> Universe:
    """Return an experience whose servers call GRPS."""
    return Universe(http=grps)
