"""Checks of a page: accessibility, content security policy and width. Also takes screenshots."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

LONG = bool(os.environ.get("GRPS_LONG"))
CRITERIA = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
# Without `resultTypes` axe also describes every element that passes, which takes longer than
# finding those that fail.
AXE_OPTIONS = {
    # It would fetch the @import of a stylesheet from the wrong folder; no rule here needs it.
    "preload": False,
    "runOnly": {"type": "tag", "values": CRITERIA},
    "resultTypes": ["violations"],
}
WIDTHS = {"phone": (360, 740), "wide": (1280, 860)}
TELL_VIOLATIONS = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.violations.push(`${event.violatedDirective} stops ${event.blockedURI} in ${event.sourceFile}`));
"""

STICKING_OUT = """() => {
    const across = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= across) return [];
    return [...document.body.querySelectorAll("*")]
      .filter((one) => one.getBoundingClientRect().right > across + 0.5)
      .map((one) => `${one.tagName}#${one.id}.${one.className} ${Math.round(one.getBoundingClientRect().right)}`)
      .slice(0, 8);
}"""


def axe(page: Page) -> None:
    """Fail with every rule of WCAG 2.2 AA that the page breaks, and the element that breaks it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "options => axe.run(options).then(results => results.violations)", AXE_OPTIONS
    )
    told = [
        f"{one['id']} ({one['help']}): {node['html'][:200]} {_contrast(node)}"
        for one in found
        for node in one["nodes"]
    ]
    assert not told, "\n".join(told)


def _contrast(node: dict[str, Any]) -> str:
    data = (node["any"] or [{}])[0].get("data")
    return (
        f"{data['contrastRatio']} {data['fgColor']} on {data['bgColor']}"
        if isinstance(data, dict) and "contrastRatio" in data
        else ""
    )


def fits(page: Page) -> None:
    """Fail if the page is wider than the window, with a list of the elements that are too wide."""
    out = page.evaluate(STICKING_OUT)
    assert not out, f"{page.url}: {out}"


def shoot(page: Page, name: str) -> None:
    """Take a screenshot of each look, below $GRPS_STATE/screenshots."""
    folder = Path(os.environ.get("GRPS_STATE", ".local")) / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for theme, width in each_look(page):
        page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)


def each_look(page: Page, *, every: bool = LONG) -> Iterator[tuple[str, str]]:
    """Yield each theme and width, after applying it to the page.

    Without `every` only light and wide, and dark on a phone. `make test-long` uses all of them.
    """
    for width, (across, down) in WIDTHS.items():
        page.set_viewport_size({"width": across, "height": down})
        for theme in ("light", "dark"):
            if every or (theme, width) in {("light", "wide"), ("dark", "phone")}:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
                yield theme, width


@contextmanager
def no_complaints(page: Page) -> Iterator[None]:
    """Fail if the browser reports script errors or violations of the content security policy."""
    heard: list[str] = []
    page.add_init_script(TELL_VIOLATIONS)
    page.on(
        "console", lambda message: heard.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: heard.append(str(error)))
    yield
    stopped = page.evaluate("window.violations || []")
    assert not heard, heard
    assert not stopped, stopped
