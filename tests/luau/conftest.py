import pytest

from tests.luau.grps import Grps
from tests.luau.universe import Universe


@pytest.fixture
def grps() -> Grps:
    """GRPS as games see it."""
    return Grps()


@pytest.fixture
def universe(grps: Grps) -> Universe:
    """An experience whose servers talk to it."""
    return Universe(http=grps)
