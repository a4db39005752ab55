"""Replication slots: each keeps the log of changes (WAL) until its reader has it."""

from dataclasses import dataclass

from django.db import connection

SLOTS = """
    SELECT slot_name, active, wal_status = 'lost', database = current_database(),
           coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
               ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint
    FROM pg_replication_slots ORDER BY slot_name"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of the server. `is_ours`: it is of this database. `retained`: bytes on its disk."""

    name: str
    is_active: bool
    is_lost: bool
    is_ours: bool
    retained: int


def read() -> list[Slot]:
    with connection.cursor() as cursor:
        cursor.execute(SLOTS)
        return [
            Slot(name, bool(active), bool(lost), bool(ours), retained)
            for name, active, lost, ours, retained in cursor.fetchall()
        ]


def lost() -> list[str]:
    """Return the names of this database's slots whose log was deleted before it was read."""
    return [slot.name for slot in read() if slot.is_lost and slot.is_ours]
