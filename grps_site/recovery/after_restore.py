"""Recover after the restore of an older backup: `manage.py recover after-restore`.

Writes to Roblox are held from the first step to the last. The command can be run again at any time;
it compares everything again.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from rich.console import Console

from audits.actions import Action
from audits.chain import seal_file
from audits.record import Target, operator, record
from audits.streams import publisher
from common import database_clock
from common.errors import Refused
from common.time import from_micros
from grps_site.recovery import (
    lost_acts,
    lost_erasures,
    lost_events,
    mirror_states,
    roblox_entries,
    seal_history,
    sequences,
)
from grps_site.recovery.lost_events import MirroredEvent
from grps_site.recovery.seal_history import SealHistory
from roblox import cloud, write_hold
from roblox.models import Experience
from roblox.open_cloud.errors import OpenCloudError
from syncs import jobs
from syncs.management import job_progress
from syncs.models import SyncJob
from webhooks.models import WebhookEndpoint

BEGUN = "`manage.py recover after-restore` was begun and has not ended: run it again."
Activity = SyncJob.Activity


@dataclass(frozen=True, slots=True)
class Recovery:
    """One run. `say` prints a line, `rotated` are older files of the log's mirror."""

    say: Callable[[str], None]
    console: Console
    rotated: Sequence[Path] = ()

    def run(self) -> bool:
        """Do every step. Returns False if Roblox was not compared: writes stay held then."""
        write_hold.place(BEGUN)
        history = self._compare_seals()
        lost = self._read_log(history)
        moved = sequences.jump(max((event.id for event in lost), default=0))
        self.say(f"Numbers: {moved} sequences were moved past those that may be taken.")
        self._list_acts(lost, _until(history))
        orders = lost_erasures.enter_again(lost, _until(history))
        self._list("Orders of erasure after the backup", orders)
        if not self._compare_roblox():
            self.say("Writes to Roblox stay held. Correct what is named above and run this again.")
            return False
        self._offer_webhooks(history)
        self._say_what_is_unproved(history, lost)
        self._finish(history, lost)
        return True

    def _compare_seals(self) -> SealHistory:
        found = seal_history.compare(Path(settings.AUDIT_SEAL_FILE))
        common = f"seal {found.common.number}" if found.common else "no seal"
        if not found.exists:
            self.say(f"Seals: {found.path} is missing, so nothing shows what was lost.")
        elif not found.differs:
            self.say(f"Seals: the file agrees with the database up to {common}.")
        else:
            self.say(
                f"Seals: file and database agree up to {common}. The file has {found.lost_seals}"
                f" more, of {found.lost_events} events that the backup does not hold."
            )
        return found

    def _read_log(self, history: SealHistory) -> list[MirroredEvent]:
        present = Path(settings.AUDIT_JSONL) if settings.AUDIT_JSONL else None
        files = [*self.rotated, *([present] if present and present.exists() else [])]
        after = history.common.last_position if history.common else 0
        lost = lost_events.find(after, files)
        where = ", ".join(
            [*map(str, files), *(["the stream"] if settings.AUDIT_STREAM_URL else [])]
        )
        self.say(f"Log: {len(lost)} lost events in its mirrors ({where or 'none is configured'}).")
        return lost

    def _list_acts(self, lost: Sequence[MirroredEvent], until: dt.datetime | None) -> None:
        acts = lost_acts.sentences(lost_acts.staff_acts(lost), until)
        self._list("Acts of staff to enter again, urgent ones first", acts)
        self._list("Other lost events, which nobody enters again", lost_acts.others(lost))

    def _list(self, title: str, lines: Sequence[str]) -> None:
        self.say(f"{title}: {len(lines) or 'none'}")
        for line in lines:
            self.say(f"    {line}")

    def _compare_roblox(self) -> bool:
        """Pull everything again, and settle each mirror by what Roblox shows. Writes nothing there."""
        self.say(f"Mirrors: {mirror_states.unconfirm()} are compared with Roblox before any write.")
        universes = [one for one in _experiences() if self._is_configured(one)]
        try:
            is_done = self._pull(universes)
            if is_done:
                self._settle(universes)
        except (Refused, cloud.NotConfigured, OpenCloudError) as error:
            self.say(f"Roblox: {error}")
            return False
        return is_done

    def _is_configured(self, experience: Experience) -> bool:
        try:
            cloud.universe(experience)
        except cloud.NotConfigured as missing:
            self.say(f"Roblox: {missing} Its mirrors stay parked.")
            return False
        return True

    def _pull(self, universes: Sequence[Experience]) -> bool:
        """Run the pulls to their end. Returns whether all are done."""
        _cancel_jobs()
        full = jobs.Options(full=True)
        wanted: list[tuple[Activity, Experience | None, jobs.Options]] = [
            (Activity.POINTS, one, full) for one in universes
        ]
        wanted += [(Activity.RESTRICTIONS, one, jobs.Options()) for one in universes]
        if settings.ROBLOX_GROUP_ID and universes:
            wanted.append((Activity.MEMBERS, None, jobs.Options()))
        asked = [
            jobs.request(activity, target, actor=operator(), options=options)[0]
            for activity, target, options in wanted
        ]
        ends = [job_progress.follow(job, self.console) for job in asked]
        return not any(ends)

    def _settle(self, universes: Sequence[Experience]) -> None:
        now = database_clock.now()
        entries = {one.pk: roblox_entries.read(one) for one in universes}
        numbered = sum(roblox_entries.number_past(found, now) for found in entries.values())
        self.say(f"Adjustments: the numbers of {numbered} players continue past those in games.")
        for one in universes:
            compared = roblox_entries.compare(one, entries[one.pk])
            mirror_states.settle_entries(compared)
            bans = mirror_states.settle_restrictions(one)
            self.say(
                f"{one.key}: {len(compared.same)} entries agree, {len(compared.theirs)} have a later"
                f" state and stay parked, {len(compared.strangers)} belong to no player; {bans} bans"
                " differ."
            )
        if settings.ROBLOX_GROUP_ID and universes:
            self.say(f"Group: {mirror_states.settle_roles()} roles differ: `manage.py sync drift`.")

    def _offer_webhooks(self, history: SealHistory) -> None:
        until = _until(history)
        if until is not None:
            since = until.isoformat(timespec="seconds")
            names = WebhookEndpoint.objects.order_by("name").values_list("name", flat=True)
            self._list(
                "Webhooks that may lack events from just before the backup",
                [f"manage.py webhooks replay {name} --since {since}" for name in names],
            )

    def _say_what_is_unproved(self, history: SealHistory, lost: Sequence[MirroredEvent]) -> None:
        missing = max(0, history.lost_events - len(lost))
        lines = [
            "The mirrors of the log are not signed: the old seal file proves how many events there"
            f" were ({history.lost_events}), not what they said.",
            "Events of the last seconds before the failure may be in neither.",
        ]
        if missing:
            lines.append(f"{missing} sealed events are in no mirror: nobody can list them.")
        if not history.exists:
            lines.append("Without the old seal file nothing proves that the backup's end is whole.")
        self._list("What cannot be proved", lines)

    def _finish(self, history: SealHistory, lost: Sequence[MirroredEvent]) -> None:
        stamp = database_clock.now().strftime("%Y%m%dT%H%M%SZ")
        for old, kept in _set_aside(history, lost, stamp):
            self.say(f"{old} is kept as {kept}; a new one is written from the database.")
        acts = len(lost_acts.staff_acts(lost))
        with transaction.atomic():
            record(
                Action.DATABASE_RESTORED,
                actor=operator(),
                target=Target("database", "", ""),
                details={
                    "commonSeal": history.common.number if history.common else 0,
                    "lostSeals": history.lost_seals,
                    "lostEvents": max(history.lost_events, len(lost)),
                    "staffActs": acts,
                },
            )
            write_hold.release()
        self.say(
            f"Done: writes to Roblox are released. {acts} acts of staff are to be entered again."
        )


def _until(history: SealHistory) -> dt.datetime | None:
    """Return the last moment that both histories surely share."""
    return from_micros(history.common.at) if history.common else None


def _experiences() -> Iterator[Experience]:
    yield from Experience.objects.filter(enabled=True).exclude(universe_id=None)


def _cancel_jobs() -> None:
    """Cancel the jobs of the backup's time, whose pages are out of date."""
    active = [*SyncJob.ACTIVE, SyncJob.Status.WAITING]
    for pk in SyncJob.objects.filter(status__in=active).values_list("pk", flat=True):
        jobs.cancel(pk, actor=operator(), reason="the database was restored from a backup")


def _set_aside(
    history: SealHistory, lost: Sequence[MirroredEvent], stamp: str
) -> Iterator[tuple[str, str]]:
    """Move seal file and mirrors away if they hold another history, and yield both names of each."""
    if history.differs:
        kept = seal_file.set_aside(history.path, stamp)
        yield str(history.path), str(kept)
    for sink in publisher.configured() if lost else []:
        yield from sink.set_aside(stamp)
