"""Visits of a real browser to the portal. Each fails on whatever the browser complains about."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Response, Route

from tests.browser.conftest import PATIENCE
from tests.browser.help import TELL_VIOLATIONS
from tests.portal.conftest import Portal

SHIFTS = """() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({type: "layout-shift", buffered: true});
    setTimeout(() => resolve(sum), 50);
})"""


class Visits:
    """A browser's visits: `complaints` holds what went wrong since the last check."""

    def __init__(self, context: BrowserContext, portal: Portal, *, script: bool) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self._portal, self._script = portal, script
        self._devtools = context.new_cdp_session(self.page)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        context.route("**/*", self._allow_only_the_portal)

    def go(self, address: str) -> Response:
        """Open an address. Fails if something moves while it loads.

        Without script, the page's own scripts never run, but checks can run after it has loaded.
        """
        self._allow_script(self._script)
        response = self.page.goto(self._portal.url + address)
        self._allow_script(True)
        assert response is not None
        if self._script:
            shifts = self.page.evaluate(SHIFTS)
            assert shifts == 0, f"{address}: the layout shifts by {shifts}"
        return response

    def check(self, address: str, status: int = 200) -> None:
        """Fail with what the browser complained about since the last check."""
        stopped = self.page.evaluate("window.violations || []")
        # The browser reports the status of the document itself.
        found = [one for one in self.complaints if f"status of {status}" not in one or status < 400]
        self.complaints.clear()
        assert not found, f"{address}: {found}"
        assert not stopped, f"{address}: {stopped}"

    def _allow_script(self, allowed: bool) -> None:
        self._devtools.send("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def _allow_only_the_portal(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.scheme == "data" or url.netloc == urlsplit(self._portal.url).netloc:
            route.continue_()
            return
        self.complaints.append(f"a request to {route.request.url}")
        route.abort()


@contextmanager
def visits(browser: Browser, portal: Portal, *, script: bool = True) -> Iterator[Visits]:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 860})
    context.set_default_timeout(PATIENCE)
    if script:
        context.add_init_script(TELL_VIOLATIONS)
    yield Visits(context, portal, script=script)
    context.close()
