"""Every page of the portal is for everybody: light and dark, phone and desk, with and without script."""

import pytest
from playwright.sync_api import Browser

from tests.browser.help import LONG, axe, each_look, fits
from tests.portal import places
from tests.portal.browsing import visits
from tests.portal.conftest import Portal

MISSING = ("no-such", "/no/such", "404404")


def test_no_page_is_forgotten() -> None:
    assert places.pages() == {*places.WITHOUT_PARAMETERS, *places.WITH_PARAMETERS}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_every_page_in_every_look(browser: Browser, portal: Portal, script: bool) -> None:
    with visits(browser, portal, script=script) as visit:
        for address in places.addresses():
            status = 404 if any(part in address for part in MISSING) else 200
            assert visit.go(address).status == status, address
            try:
                for _ in each_look(visit.page, every=script or LONG):
                    axe(visit.page)
                    fits(visit.page)
            except AssertionError as error:
                raise AssertionError(f"{address}: {error}") from None
            visit.check(address, status)
