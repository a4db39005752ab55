"""An owner reads the log and changes the policy in a browser."""

import json

import pytest
from playwright.sync_api import Page, expect

from audits.chain.sealing import seal_pending
from audits.models import AuditEvent
from players.active_policy import active
from players.models import Player, PolicyVersion
from players.moderation.actors import at_the_shell
from players.policy.validation import FILES
from players.policy_changes import activation, simulations
from tests.browser.test_jobs import looked_at


@pytest.fixture
def other(community: list[Player]) -> PolicyVersion:
    """Add a policy version that would change the ranks of some players."""
    found = json.loads(json.dumps(dict(active().bundle.documents)))
    for row in found["ranks"]["ranks"][3:9]:
        row["minPoints"] = row["minPoints"] * 6 // 5
    texts = {key: json.dumps(found[key]) for key in FILES}
    return activation.add(
        texts, by=at_the_shell(), reason="Trainings count more.", now=community[0].rank_since
    )


def test_an_event_is_found_and_its_proof_seen(browser_page: Page, community: list[Player]) -> None:
    seal_pending()
    browser_page.goto("/admin/audit/")
    browser_page.get_by_label("To whom").fill(community[1].username)
    browser_page.get_by_role("button", name="Show").click()
    event = AuditEvent.objects.filter(target_id=str(community[1].pk), action="player.warned").get()
    looked_at(browser_page, "audit-found")
    browser_page.locator(f"a[href='/admin/audit/{event.pk}/']").click()
    expect(browser_page.locator("#content")).to_contain_text("The proof holds")
    looked_at(browser_page, "audit-event")


def test_a_policy_is_typed_mended_and_asked_for(browser_page: Page, other: PolicyVersion) -> None:
    browser_page.goto("/admin/policy/new/")
    browser_page.get_by_label("policy.punishments.json").fill('{"trial_threshold": 9}')
    browser_page.get_by_role("button", name="Check").click()
    expect(browser_page.get_by_role("alert")).to_contain_text("policy.punishments.json")
    looked_at(browser_page, "policy-new-defects")
    browser_page.goto(f"/admin/policy/{other.number}/")
    looked_at(browser_page, "policy-version")
    browser_page.goto(f"/admin/policy/difference/?from={active().number}&to={other.number}")
    looked_at(browser_page, "policy-diff")
    browser_page.goto(f"/admin/policy/{other.number}/simulation/")
    looked_at(browser_page, "policy-simulation-none")
    browser_page.get_by_role("button", name="Simulate").click()
    expect(browser_page.locator("#content")).to_contain_text("It is being counted")
    simulations.run_due()
    expect(browser_page.locator("#content")).to_contain_text("Movers by rank")
    expect(browser_page.locator("#content")).to_contain_text("would be due")
    looked_at(browser_page, "policy-simulation")
    browser_page.get_by_role("link", name="Put in force").click()
    browser_page.get_by_label("Reason").fill("As voted on Friday.")
    browser_page.get_by_role("button", name="Ask for approval").click()
    expect(browser_page.locator("#content")).to_contain_text("waiting for a second owner")
