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

# The contrast of each text with the colours behind it, as WCAG 1.4.3 computes it. Menus and folded
# parts are opened first: axe looks at none of them. What cannot be acted on is exempt.
FAINT = """() => {
    const board = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const known = new Map();
    function rgba(colour) {
      if (!known.has(colour)) {
        board.clearRect(0, 0, 1, 1);
        board.fillStyle = colour;
        board.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = board.getImageData(0, 0, 1, 1).data;
        known.set(colour, [r, g, b, a / 255]);
      }
      return known.get(colour);
    }
    const over = ([r, g, b, a], [r2, g2, b2]) => [[r, r2], [g, g2], [b, b2]].map(([x, y]) => x * a + y * (1 - a));
    function behind(element) {
      if (!element) return [255, 255, 255];
      const colour = rgba(getComputedStyle(element).backgroundColor);
      return colour[3] === 1 ? colour.slice(0, 3) : over(colour, behind(element.parentElement));
    }
    const light = ([r, g, b]) => {
      const part = (x) => ((x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const element = text.parentElement;
      if (!text.data.trim() || element.closest("svg, :disabled, [aria-disabled=true]")) continue;
      const style = getComputedStyle(element);
      const [box] = element.getClientRects();
      if (!box || box.width < 2 || style.visibility !== "visible") continue;
      const ground = behind(element);
      const [a, b] = [light(over(rgba(style.color), ground)), light(ground)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio >= (large ? 3 : 4.5)) continue;
      found.push(`${ratio.toFixed(2)}: ${style.color} on ${ground}: ${element.outerHTML.slice(0, 160)}`);
    }
    for (const one of folded) one.open = false;
    return found;
}"""

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


def legible(page: Page) -> None:
    """Fail with every text that is too faint against what is behind it, also in closed menus."""
    found = page.evaluate(FAINT)
    assert not found, "\n".join(found)


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
