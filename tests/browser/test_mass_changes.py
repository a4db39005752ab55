"""Mass changes and large adjustments in a browser, from the selection to the live progress."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from players.bulk import row_executor
from players.mass_adjustments import chunk_executor
from players.models import Adjustment, BulkJob, Player, Sanction
from tests.browser.help import axe, each_look, fits, shoot

pytestmark = pytest.mark.usefixtures("community")


def looked_at(page: Page, name: str) -> None:
    """Check the page in every theme and width, and take screenshots."""
    for _ in each_look(page):
        axe(page)
        fits(page)
    shoot(page, name)
    page.set_viewport_size({"width": 1280, "height": 860})


def test_warning_a_selection_updates_the_page(browser_page: Page, community: list[Player]) -> None:
    page = browser_page
    page.goto("/admin/players/?q=Storm_0")
    boxes = page.get_by_role("checkbox", name=re.compile("^Select Storm_0"))
    chosen = [one for one in community[:10] if one.username.startswith("Storm_0")]
    for one in range(boxes.count()):
        boxes.nth(one).check()
    page.get_by_label("With the selected players").select_option("suspend")
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_text(f"{len(chosen)} players are selected")).to_be_visible()
    looked_at(page, "mass-change-select")
    page.get_by_text("Harassed other players").click()
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text(f"{len(chosen)} selected")
    looked_at(page, "mass-change-preview")
    page.get_by_role("button", name=re.compile("^Do it to")).click()
    expect(page.get_by_text("running", exact=False).first).to_be_visible()
    row_executor.run_due()
    job = BulkJob.objects.get()
    expect(page.locator("#job-live [role=status]")).to_contain_text(f"{job.done} done")
    expect(page.get_by_role("link", name=re.compile(r"^event \d+")).first).to_be_visible()
    assert (
        Sanction.objects.filter(kind="suspension", reason__contains="Harassed").count()
        == job.done
        > 2
    )
    looked_at(page, "mass-change-done")
    page.get_by_role("link", name="Undo it all").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("the wrong ones")
    page.get_by_role("dialog").get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Undo 5 events")
    looked_at(page, "mass-change-revert-preview")


def test_a_file_of_adjustments_is_uploaded_applied_and_watched(
    browser_page: Page, tmp_path: Path
) -> None:
    page, file = browser_page, tmp_path / "prizes.csv"
    file.write_text("userId,amount\n2005,12.50\n2006,-3\n404,5\n")
    page.goto("/admin/adjustments/")
    page.get_by_role("link", name="Adjust from a file").click()
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Reason").fill("an event")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("3 rows, 2 will change, 1 skipped")).to_be_visible()
    looked_at(page, "adjustment-preview")
    page.get_by_role("button", name="Apply it").click()
    expect(page.locator("#job-live").get_by_text("Applying")).to_be_visible()
    chunk_executor.run(Adjustment.objects.get().pk)
    expect(page.get_by_text("2 of 2 applied")).to_be_visible()
    looked_at(page, "adjustment-done")
