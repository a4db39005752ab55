"""Restore an older backup while Roblox keeps the later state: nothing of it is overwritten."""

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from psycopg import sql

from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import AuditEvent
from audits.record import Actor
from audits.streams import publisher
from common.direct_database import direct_url
from grps_site.backup import archive, encryption, manifest
from grps_site.backup.restore import restore
from grps_site.ops import database_roles, seal_file_health, write_hold_health
from grps_site.ops.unhealthy import Unhealthy
from players.discipline import sanctions
from players.models import ErasureOrder, Player
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.points import adjustments, consistency
from players.privacy import orders
from players.ranks import decisions
from roblox import keys, write_hold
from roblox.models import Experience, ExperienceKey, WriteHold
from syncs.models import Drift, Mirror
from syncs.push import runner
from tests.conftest import TESTER, database_url
from tests.grps_site.backup.conftest import backup, identity, only_file
from tests.roblox_world import KEY, OWNER_OF_KEY, World

__all__ = ["identity"]

MONA = Actor("staff", "5", "Mona", "staff:5")
STAFF = Staff(MONA, rank=None, bypasses_second_person=True)
STORE = "GRPS_State"


@dataclass(frozen=True)
class Restored:
    """The database at the time of the backup, beside a Roblox with a later state."""

    roblox: World
    before: dict[str, Any]
    seals: bytes


def command(reason: str) -> Command:
    return Command(by=STAFF, reason=reason, now=timezone.now())


def sealed() -> None:
    while seal_pending():
        pass
    for sink in publisher.configured():
        publisher.catch_up(sink)


def push_all() -> None:
    Mirror.objects.filter(status="pending").update(retry_at=timezone.now())
    while runner.step():
        pass


def shown(roblox: World) -> dict[str, Any]:
    """Return what Roblox shows of player 1."""
    return {
        "roles": roblox.roles(1),
        "entry": roblox.entry(STORE, "player:1"),
        "ban": roblox.restriction(1).get("active"),
    }


def save_in_game(roblox: World, points: float) -> None:
    entry = {"points": points, "kos": 3, "wos": 1, "rank": "Initiate", "username": "citizen_1"}
    roblox.save(1, entry, round(points * 100))


def restore_here(file: Path, key: Path) -> None:
    """Replace this test's database by the backup, as an operator does: drop, create, restore."""
    name = str(connection.settings_dict["NAME"])
    connection.close()
    server = direct_url().rpartition("/")[0] + "/postgres"
    with psycopg.connect(server, autocommit=True) as maintenance:
        database = sql.Identifier(name)
        maintenance.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
        maintenance.execute(sql.SQL("CREATE DATABASE {}").format(database))
    with archive.opened(file) as found:
        known = manifest.decode(archive.read(found, archive.MANIFEST))
        restore(found, known, direct_url(), encryption.read_identities(key))
    database_roles.grant(database_roles.role_of(database_url()))  # as `migrate` does


@pytest.fixture
def restored(
    community: World,
    player: Callable[..., Player],
    identity: Path,
    settings: Any,
    tmp_path: Path,
) -> Restored:
    settings.AUDIT_JSONL = str(tmp_path / "log.jsonl")
    for user_id in (1, 2):
        player(user_id)
        community.join(user_id)
    save_in_game(community, 10)
    call_command("sync", "points", "nexus", stdout=StringIO())
    adjustments.adjust(1, 300, command("before the backup"))
    decisions.set_rank(1, "Shock Trooper II", command("before the backup"))
    keys.create(Experience.objects.get(key="nexus"), actor=TESTER)
    push_all()
    sealed()
    backup("make")
    _later(community)
    before, seals = shown(community), Path(settings.AUDIT_SEAL_FILE).read_bytes()
    restore_here(only_file(settings.BACKUP_DESTINATION), identity)
    return Restored(community, before, seals)


def _later(community: World) -> None:
    """Act after the backup: points, an adjustment, a warning, a demotion, an erasure."""
    save_in_game(community, 14)
    adjustments.adjust(1, 200, command("lost"))
    sanctions.warn(1, command("Insulted other players"))
    decisions.set_rank(1, "Shock Trooper I", command("lost"))
    keys.revoke(ExperienceKey.objects.get(), actor=MONA, reason="lost")
    made, _ = orders.order("message-7", 2, [], actor=orders.ROBLOX, now=timezone.now())
    orders.carry_out(made.pk)
    push_all()
    sealed()


def recover(*arguments: str) -> str:
    out = StringIO()
    call_command("recover", "after-restore", *arguments, stdout=out)
    return out.getvalue()


def test_nothing_later_is_overwritten_and_lost_acts_are_listed(
    restored: Restored, settings: Any
) -> None:
    roblox, file = restored.roblox, Path(settings.AUDIT_SEAL_FILE)
    # Before the recovery: ROBLOX_WRITES is on, and nothing is written.
    assert settings.ROBLOX_WRITES
    adjustments.adjust(2, 100, command("after the restore"))
    push_all()
    assert roblox.entry(STORE, "player:2") is None
    with pytest.raises(Unhealthy, match="restored from a backup or moved"):
        write_hold_health.check()
    sealed()
    assert file.read_bytes() == restored.seals
    with pytest.raises(Unhealthy, match=r"has with another hash|does not have"):
        seal_file_health.check()

    _check_held_without_roblox(restored)
    said = recover()
    assert "Done: writes to Roblox are released." in said
    acts = said[said.index("Acts of staff") : said.index("Other lost events")]
    for part in ("key.revoked", "points.adjusted", "player.warned", "rank.set"):
        assert part in acts
    assert acts.index("key.revoked") < acts.index("points.adjusted")
    assert "(Roblox user 1)" in acts
    assert "message-7: it is ordered already" in said  # by the first try
    assert ErasureOrder.objects.get().tables_erased_at is not None
    assert "the numbers of 1 players continue past those in games" in said

    push_all()
    assert shown(roblox) == restored.before
    assert Drift.objects.get(aspect="role", resolved_at=None).theirs["rank"] == "Shock Trooper I"
    assert float(Player.objects.get(user_id=1).points) == 17  # 14 of the game, 3 of the backup
    assert consistency.verify() == []
    sealed()
    assert verify().findings == []
    (kept,) = file.parent.glob("seals.jsonl.before-restore-*")
    assert kept.read_bytes() == restored.seals
    assert seal_file_health.check() == "holds every seal"
    assert AuditEvent.objects.get(action="database.restored").details["staffActs"] >= 4

    # Staff enter the lost adjustment again. Games take it, since its number is past the lost one.
    adjustments.adjust(1, 200, command("lost with the backup"))
    push_all()
    entry = roblox.entry(STORE, "player:1")
    assert entry["adjusted"]["total"] == restored.before["entry"]["adjusted"]["total"] == 500
    assert entry["adjusted"]["sequence"] > restored.before["entry"]["adjusted"]["sequence"]


def _check_held_without_roblox(restored: Restored) -> None:
    """While Roblox cannot be read, the command does not release the writes."""
    key = {"key": KEY, "name": "tests", "ownerUserId": OWNER_OF_KEY, "scopes": ["*"]}
    restored.roblox.control("keys", **key, enabled=False)
    with pytest.raises(SystemExit) as ended:
        recover()
    assert ended.value.code == 2
    assert write_hold.reason() == WriteHold.objects.get().reason != ""
    restored.roblox.control("keys", **key, enabled=True)
    push_all()
    assert shown(restored.roblox) == restored.before
