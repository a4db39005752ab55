"""Whether GRPS may write to Roblox: switched on, and not held since the database was restored.

Roblox keeps what a lost part of the history wrote. Writing the older state again would overwrite
it, so a stored hold outlives ROBLOX_WRITES until `manage.py recover after-restore` releases it.
"""

from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from audits.chain import seal_file
from roblox.models import WriteHold

# Names a database for its life. A restored dump has another one, also on the same server.
DATABASE = "SELECT oid::text FROM pg_database WHERE datname = current_database()"
SERVER = "SELECT system_identifier::text FROM pg_control_system()"
MAY_ASK = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
MOVED = (
    "The database is another one than before: it was restored from a backup or moved. Nothing is"
    " written to Roblox or Discord until `manage.py recover after-restore` has compared both"
    " (docs/recover.md)."
)


def why_off() -> str:
    """Return why nothing may be written to Roblox now, empty if writing is on."""
    if not settings.ROBLOX_WRITES:
        return "ROBLOX_WRITES is off."
    return reason()


def reason() -> str:
    """Return why writes are held, empty if they are not.

    A restored database is recognised by its identity and by the seal file, and held from then on.
    """
    known, _ = WriteHold.objects.get_or_create(pk=WriteHold.ONLY, defaults={"database": identity()})
    if known.since is not None:
        return known.reason
    found = _signs_of_restoring(known.database)
    if found:
        place(found)
    return found


def place(why: str) -> None:
    """Hold all writes to Roblox. A hold that is there keeps its time."""
    WriteHold.objects.get_or_create(pk=WriteHold.ONLY, defaults={"database": identity()})
    WriteHold.objects.filter(pk=WriteHold.ONLY, since=None).update(since=Now(), reason=why)


def release() -> None:
    """Allow writes again. This database is the known one from now on."""
    WriteHold.objects.filter(pk=WriteHold.ONLY).update(since=None, reason="", database=identity())


def identity() -> str:
    """Name this database, with its server unless the host forbids to ask for it."""
    with connection.cursor() as cursor:
        cursor.execute(MAY_ASK)
        may_ask = cursor.fetchone()[0]
        cursor.execute(DATABASE)
        database = cursor.fetchone()[0]
        if may_ask:
            cursor.execute(SERVER)
        server = cursor.fetchone()[0] if may_ask else ""
    return f"{server}/{database}"


def _signs_of_restoring(known: str) -> str:
    if known != identity():
        return MOVED
    # The worker that seals may be on another machine, so what it stored counts too.
    here = seal_file.difference(Path(settings.AUDIT_SEAL_FILE))
    if here:
        return f"{settings.AUDIT_SEAL_FILE}: {here}"
    return seal_file.status().error if seal_file.differs() else ""
