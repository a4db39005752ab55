"""Imports from data stores of the emulator, and what they share with pulls and games."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from players.imports import execution, lifecycle, runner
from players.imports.files import ImportFile
from players.imports.lifecycle import IMPORTS, ImportRequest, columns_of
from players.imports.values import ParsedRow
from players.models import Import, Player, Session
from players.moderation.actors import at_the_shell
from players.points import consistency
from roblox.models import Experience
from syncs.models import Drift, SyncJob
from tests.roblox_world import NEXUS, World

Pull = Callable[..., SyncJob]


@pytest.fixture
def world(world: World, settings: Any) -> World:
    settings.USERS_URL = world.url
    for user_id in (1, 2, 3):
        world.join(user_id)
    return world


def write(world: World, store: str, key: str, value: Any) -> None:
    path = f"/cloud/v2/universes/{NEXUS}/data-stores/{quote(store, safe='')}/scopes/global/entries"
    answer = world.http.post(
        path, params={"id": key}, json={"value": value}, headers={"x-api-key": "tests-key"}
    )
    assert answer.status_code == 200, answer.text


def order(world: World, store: str, key: str, value: int) -> None:
    path = f"/cloud/v2/universes/{NEXUS}/ordered-data-stores/{quote(store, safe='')}/scopes/global/entries"
    answer = world.http.post(
        path, params={"id": key}, json={"value": value}, headers={"x-api-key": "tests-key"}
    )
    assert answer.status_code == 200, answer.text


def command(*args: str) -> None:
    call_command("import", *args, "--reason", "we move in", "--yes")


def points() -> dict[int, int]:
    return {one.user_id: int(one.points) for one in Player.objects.filter(points__gt=0)}


def imported(*lines: str) -> Import:
    source = ImportFile(io.BytesIO("\n".join(lines).encode()), "old.csv", timezone.now())
    request = ImportRequest("nexus", at_the_shell(), "we move in", timezone.now())
    job = lifecycle.begin_file(request, source.rows())
    runner.run(job.pk)
    IMPORTS.start(job.pk, by=at_the_shell(), now=timezone.now())
    runner.run(job.pk)
    return lifecycle.find(job.pk)


def test_profiles_of_a_data_store(community: World) -> None:
    write(community, "Profiles", "Player_1", {"Data": {"XP": 12.5}, "MetaData": {}})
    write(community, "Profiles", "2", {"Data": {"XP": 7}, "MetaData": {}})
    write(community, "Profiles", "settings", {"version": 3})
    write(community, "Profiles", "Player_3", {"Data": {"Pets": []}, "MetaData": {}})
    command("store", "Profiles", "--key-form", "Player_{userId}", "--experience", "nexus")
    job = Import.objects.get()
    assert (job.status, job.rows, job.applied, job.unread) == ("done", 4, 2, 2)
    assert points() == {1: 12, 2: 7}
    assert Player.objects.get(user_id=1).username == "citizen_1"
    notes = sorted(job.lines.filter(status="unread").values_list("note", flat=True))
    assert "has not the form Player_{userId}" in notes[0]
    assert notes[1] == "taken for profilestore: it has no field Points; its fields are Pets"


def test_text_that_cannot_be_stored_is_shown_without_it(community: World) -> None:
    write(community, "Odd", "a\0\u200eb", 5)
    write(community, "Odd", "1", {"Pets\0": 1, "x" * 300: 2})
    with pytest.raises(CommandError, match="Nothing would change"):
        command("store", "Odd", "--experience", "nexus")
    job = Import.objects.get()
    assert (job.status, job.unread) == ("preview", 2)
    found = dict(job.lines.values_list("given", "note"))
    assert set(found) == {"a b", "1"}
    assert "Pets" in found["1"]
    row = ParsedRow(1, given="\ud800a\0b", error="fields are \ud800\0")
    assert [columns_of(row)[1], columns_of(row)[-1]] == ["a b", "fields are"]


def test_an_entry_that_cannot_be_read_is_a_row(
    community: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roblox.open_cloud.client.BACKOFF", 0)
    write(community, "Broken", "1", 5)
    write(community, "Broken", "2", 7)
    community.faults({"kind": "truncate", "operations": ["dataStoreEntryGet"]})
    request = ImportRequest(
        "nexus", at_the_shell(), "we move in", timezone.now(), options={"store": "Broken"}
    )
    job = lifecycle.begin_store(request)
    for _ in range(3):
        Import.objects.update(retry_at=timezone.now())
        runner.run(job.pk)
    community.faults()
    job = lifecycle.find(job.pk)
    assert (job.status, job.rows, job.unread) == ("preview", 2, 2)
    notes = job.lines.values_list("note", flat=True)
    assert all("Roblox's answer cannot be read" in note for note in notes)


def test_the_backups_of_datastore2(community: World) -> None:
    for number, amount in ((1, 5), (2, 9)):
        write(community, "DATA/1", str(number), {"points": amount})
        order(community, "DATA/1", str(number), number)
    write(community, "OTHER/1", "1", {"points": 100})
    command("store", "DATA", "--form", "datastore2", "--experience", "nexus")
    assert points() == {1: 9}


def test_an_ordered_store_in_hundredths(community: World) -> None:
    order(community, "Board", "Player_1", 1250)
    command("store", "Board", "--form", "ordered", "--divisor", "100", "--experience", "nexus")
    assert str(Player.objects.get(user_id=1).points) == "12.50"


def test_usernames_are_resolved_by_roblox(community: World) -> None:
    job = imported("username,points", "Citizen_1,5", "nobody_at_all,6")
    assert (job.applied, job.unread, points()) == (1, 1, {1: 5})


def test_a_file_that_is_killed_goes_on(community: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "CHUNK", 1)
    real, seen = execution.apply, []

    def dies(*args: Any) -> None:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(1)
        real(*args)

    monkeypatch.setattr(execution, "apply", dies)
    with pytest.raises(KeyboardInterrupt):
        imported("userId,points", "1,5", "2,6", "3,7")
    assert points() == {1: 5, 2: 6}
    monkeypatch.setattr(execution, "apply", real)
    call_command("import", "apply", str(Import.objects.get().pk))
    assert points() == {1: 5, 2: 6, 3: 7}
    assert Import.objects.get().status == "done"
    assert consistency.verify() == []


def profile(total: int, **more: Any) -> dict[str, Any]:
    sessions = {"0": {"sequence": 1, "total": total, "kos": 2, "wos": 0}}
    return {"grps": 1, "userId": 1, "sessions": sessions} | more


def pulled(pull: Pull) -> None:
    pull("points", Experience.objects.get(key="nexus"), full=True)


def test_a_games_hook_and_an_import_count_once(community: World, pull: Pull) -> None:
    imported("userId,points", "1,120")
    write(community, "GRPS_Points", "player:1", profile(10_000))
    pulled(pull)
    assert points() == {1: 120}  # the import counts instead of it


def test_an_import_after_the_hook_sets_the_total(community: World, pull: Pull) -> None:
    write(community, "GRPS_Points", "player:1", profile(10_000))
    pulled(pull)
    assert (points(), Player.objects.get(user_id=1).kos) == ({1: 100}, 2)
    imported("userId,points", "1,120")
    assert points() == {1: 120}
    pulled(pull)
    assert points() == {1: 120}
    assert consistency.verify() == []


def test_the_hook_takes_over_what_a_pull_had_counted(community: World, pull: Pull) -> None:
    write(community, "GRPS_Points", "player:1", {"Points": 100, "Kills": 2})
    pulled(pull)
    assert (points(), Player.objects.get(user_id=1).kos) == ({1: 100}, 2)
    path = f"/cloud/v2/universes/{NEXUS}/data-stores/GRPS_Points/scopes/global/entries/player:1"
    folded = {"through": 41, "total": 500}
    for value in (profile(10_000), profile(10_000, folded=folded)):
        community.http.patch(path, json={"value": value}, headers={"x-api-key": "tests-key"})
        pulled(pull)
    assert (points(), Player.objects.get(user_id=1).kos) == ({1: 105}, 2)
    assert dict(Session.objects.values_list("session", "total")) == {-1: 5, 0: 100}


def test_broken_entries_say_what_they_were_taken_for(community: World, pull: Pull) -> None:
    write(community, "GRPS_Points", "Player_2", {"Data": {"XP": 3}})
    write(community, "GRPS_Points", "player:3", {"Pets": 3})
    pulled(pull)
    details = dict(Drift.objects.values_list("subject", "detail"))
    assert "it has the form Player_{userId}; taken for a profile of" in details["Player_2"]
    assert "taken for table: it has no field Points" in details["player:3"]


def test_an_unknown_experience_is_refused(community: World) -> None:
    with pytest.raises(CommandError, match="The experiences are"):
        command("store", "Profiles", "--experience", "mars")
