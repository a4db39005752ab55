"""The components of the console look as in the stored pictures, in both themes and widths.

After a wanted change: `GRPS_PICTURES=store make test ARGS=tests/browser/test_design.py`.
"""

import base64
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.help import axe, fits

PICTURES = Path(__file__).parent / "pictures"
LOOKS = [(theme, across) for theme in ("light", "dark") for across in (1280, 390)]
BLOCK = 16  # pixels whose mean colour is compared, so that other fonts are no difference
DIFFERENT, SHARE = 40, 0.06  # levels of 255 in a channel; share of blocks that may differ

COMPARE = """async ([first, second, block, different]) => {
    const load = (source) => new Promise((done, fail) => {
      const picture = new Image();
      picture.onload = () => done(picture);
      picture.onerror = () => fail(new Error("no picture"));
      picture.src = `data:image/jpeg;base64,${source}`;
    });
    const [a, b] = await Promise.all([load(first), load(second)]);
    const across = Math.floor(a.width / block), down = Math.floor(Math.min(a.height, b.height) / block);
    const means = (picture) => {
      const board = new OffscreenCanvas(across, down).getContext("2d");
      board.imageSmoothingQuality = "high";
      board.drawImage(picture, 0, 0, across * block, down * block, 0, 0, across, down);
      return board.getImageData(0, 0, across, down).data;
    };
    const [x, y] = [means(a), means(b)];
    let apart = 0;
    for (let at = 0; at < x.length; at += 4) {
      if ([0, 1, 2].some((channel) => Math.abs(x[at + channel] - y[at + channel]) > different)) apart += 1;
    }
    return { share: apart / (across * down), height: Math.abs(a.height - b.height) / a.height };
}"""


def shot(page: Page, theme: str, across: int) -> bytes:
    page.set_viewport_size({"width": across, "height": 860})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    return page.screenshot(full_page=True, type="jpeg", quality=60)


def apart(page: Page, first: bytes, second: bytes) -> tuple[float, float]:
    """Return the share of blocks that differ, and the difference of the heights."""
    pair = [base64.b64encode(one).decode() for one in (first, second)]
    found = page.evaluate(COMPARE, [*pair, BLOCK, DIFFERENT])
    return found["share"], found["height"]


def test_the_components_look_as_stored(browser_page: Page) -> None:
    browser_page.goto("/admin/design/")
    for theme, across in LOOKS:
        taken = shot(browser_page, theme, across)
        axe(browser_page)
        fits(browser_page)
        stored = PICTURES / f"design-{theme}-{across}.jpg"
        if os.environ.get("GRPS_PICTURES") == "store":
            stored.parent.mkdir(exist_ok=True)
            stored.write_bytes(taken)
        blocks, height = apart(browser_page, stored.read_bytes(), taken)
        assert blocks <= SHARE, f"{stored.name}: {blocks:.1%} of the picture differ"
        assert height <= 0.1, f"{stored.name}: {height:.0%} longer or shorter"


def test_a_picture_of_the_other_theme_is_a_difference(browser_page: Page) -> None:
    browser_page.goto("/admin/design/")
    other = (PICTURES / "design-dark-1280.jpg").read_bytes()
    assert apart(browser_page, other, shot(browser_page, "light", 1280))[0] > SHARE


@pytest.mark.parametrize("across", [1280, 390])
def test_the_header_is_one_line_and_its_menus_open(browser_page: Page, across: int) -> None:
    browser_page.set_viewport_size({"width": across, "height": 860})
    browser_page.goto("/admin/design/")
    header = browser_page.locator("#header").bounding_box()
    assert header is not None
    assert header["height"] <= (56 if across == 1280 else 100)
    menu, page = ("Moderation", "Appeals") if across == 1280 else ("Menu", "Appeals")
    browser_page.locator("#header summary", has_text=menu).click()
    expect(browser_page.locator("#header a:visible", has_text=page)).to_be_visible()
    fits(browser_page)
    axe(browser_page)
    browser_page.keyboard.press("Escape")
    expect(browser_page.locator("#header a:visible", has_text=page)).to_have_count(0)


def test_a_toast_leaves_and_an_error_stays(browser_page: Page) -> None:
    browser_page.clock.install()
    browser_page.goto("/admin/design/")
    browser_page.evaluate(
        """() => sessionStorage.setItem("grps-told", JSON.stringify([
            { text: "Done.", kind: "is-good", undo: "" }, { text: "Refused.", kind: "is-critical", undo: "" }]))"""
    )
    browser_page.reload()
    toasts = browser_page.locator("#c-toasts li")
    expect(toasts).to_have_count(2)
    browser_page.clock.run_for(9_000)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text("Refused.")
