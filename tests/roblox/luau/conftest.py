"""GRPS as games see it, and an experience that talks to it."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import ADMIRAL, GENERAL, MAJOR
from tests.roblox.luau.universe import Universe


@pytest.fixture
def grps() -> Grps:
    """GRPS with three officers."""
    return Grps(
        standing={
            MAJOR: ("Tempest Major", None),
            ADMIRAL: ("Supreme Admirals", None),
            GENERAL: ("Brigadier General", None),
        }
    )


@pytest.fixture
def universe(grps: Grps) -> Universe:
    """An experience whose servers talk to GRPS."""
    return Universe(http=grps)
