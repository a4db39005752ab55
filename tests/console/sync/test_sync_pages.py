"""The sync pages and the system page: what they show, and what their buttons do."""

from html import unescape

from django.test import Client

from players.models import Player
from roblox.models import Experience
from syncs.models import Drift, Mirror, SyncJob
from tests.console.conftest import Make
from tests.console.people import client_as, client_with_role


def seen(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def drift(one: Player) -> Drift:
    return Drift.objects.create(
        aspect="role",
        subject=str(one.user_id),
        player=one,
        ours={"rank": "Storm Corporal I"},
        theirs={"rank": "Captain I"},
        detail="Captain I there, Storm Corporal I here",
    )


def test_a_pull_is_asked_for_paused_and_cancelled(owner: Client, bootstrapped: None) -> None:
    Experience.objects.filter(key="nexus").update(universe_id=7)
    owner.post("/admin/sync/ask/", {"activity": "points", "experience": "nexus"})
    job = SyncJob.objects.get()
    assert (job.activity, job.status) == ("points", "queued")
    assert "queued" in seen(owner, "/admin/sync/")
    owner.post(f"/admin/sync/jobs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.status == "cancelled"
    answer = owner.post(f"/admin/sync/jobs/{job.pk}/cancel/", follow=True)
    assert "cancelled already" in unescape(answer.content.decode())


def test_a_difference_is_settled_either_way_with_a_reason(owner: Client, player: Make) -> None:
    one, two = player(1), player(2)
    first, second = drift(one), drift(two)
    assert "Captain I there" in seen(owner, "/admin/sync/drift/")
    text = seen(owner, f"/admin/sync/drift/{first.pk}/")
    assert "Adopt theirs" in text
    owner.post(f"/admin/sync/drift/{first.pk}/adopt/", {"reason": ""})
    first.refresh_from_db()
    assert first.resolved_at is None
    owner.post(f"/admin/sync/drift/{first.pk}/adopt/", {"reason": "they moved branch"})
    owner.post(f"/admin/sync/drift/{second.pk}/push/", {"reason": "nobody may do that"})
    first.refresh_from_db(), second.refresh_from_db()
    assert (first.resolution, second.resolution) == ("theirs", "ours")
    assert Player.objects.select_related("rank").get(pk=one.pk).rank.name == "Captain I"
    assert Mirror.objects.filter(player=two, aspect="role", status="pending").exists()


def test_parked_writes_are_grouped_and_tried_again(owner: Client, player: Make) -> None:
    rows = [
        Mirror.objects.create(
            player=player(number), aspect="role", desired={"rank": "x", "role": 9}, status="parked"
        )
        for number in range(1, 4)
    ]
    Mirror.objects.update(reason="The group has no role with the rank number 9.")
    assert "3 × role" in seen(owner, "/admin/sync/")
    assert seen(owner, "/admin/sync/parked/").count("rank number 9") == 3
    owner.post(f"/admin/sync/parked/{rows[0].pk}/again/")
    assert Mirror.objects.filter(status="parked").count() == 2
    owner.post("/admin/sync/parked/retry/")
    assert not Mirror.objects.filter(status="parked").exists()


def test_an_auditor_looks_and_a_moderator_does_not(player: Make) -> None:
    found = drift(player(1))
    auditor, moderator = (
        client_with_role(player(2), "auditor"),
        client_as(player(3, rank="Tempest Major")),
    )
    assert "Push ours" not in seen(auditor, f"/admin/sync/drift/{found.pk}/")
    for client in (auditor, moderator):
        assert (
            client.post(f"/admin/sync/drift/{found.pk}/push/", {"reason": "x"}).status_code == 403
        )
        assert client.post("/admin/sync/ask/", {"activity": "points"}).status_code == 403
    assert moderator.get("/admin/sync/").status_code == 403
    found.refresh_from_db()
    assert found.resolved_at is None


def test_the_system_page_says_what_runs_and_what_is_off(owner: Client, bootstrapped: None) -> None:
    text = seen(owner, "/admin/system/")
    for words in ("PostgreSQL", "Writing to Roblox", "never seen", "events in the chain", "Django"):
        assert words in text, words


def test_the_system_page_is_for_who_runs_it(player: Make) -> None:
    assert client_as(player(3, rank="Tempest Major")).get("/admin/system/").status_code == 403
    assert client_with_role(player(4), "integrator").get("/admin/system/").status_code == 200
