"""Describe an import for the person who decides: what would change, and which rows are left out."""

from collections.abc import Iterator

from players.models import Import, ImportRow, Player

SHOWN = 100  # rows that are left out
LEFT_OUT = (ImportRow.Status.UNREAD, ImportRow.Status.SKIPPED)
# What `checks.Effects` counts, in words.
COUNTS = {
    "new": "new players",
    "points": "players whose points change",
    "counted": "players whose KOs or WOs change",
    "ranks": "ranks or dates that change",
    "warnings": "warnings that are issued",
    "pardons": "warnings that are taken back",
    "partly": "rows of which a part is left out",
}


def lines(job: Import) -> list[tuple[str, str]]:
    """Return the facts of an import as pairs of name and text."""
    found = [
        ("reason", job.reason),
        ("source", f"{job.get_source_display()}, for {job.experience}"),
        ("rows", f"{job.rows:,}: {job.changing:,} change a player, {job.unchanged:,} as they are"),
        ("left out", f"{job.unread:,} cannot be read, {job.skipped:,} are skipped"),
        ("points", f"{job.total:+,} in all"),
        *_effects(job),
    ]
    if job.applied:
        found.append(("applied", f"{job.applied:,}"))
    if job.approved_by:
        found.append(("approved by", job.approved_by))
    if job.error:
        found.append(("stopped, and tried again", job.error))
    return found


def left_out(job: Import, count: int = SHOWN) -> Iterator[str]:
    """Yield the first rows that are not imported, or only in part, with the line and the fix."""
    rows = ImportRow.objects.filter(job=job).exclude(note="").order_by("line")
    for row in rows[:count]:
        who = f" ({row.given})" if row.given else ""
        yield f"line {row.line}{who}: {row.note}"


def _effects(job: Import) -> Iterator[tuple[str, str]]:
    effects = job.effects
    counts = effects.get("counts", {})
    for name, words in COUNTS.items():
        if counts.get(name):
            yield words, f"{counts[name]:,}"
    if effects.get("ranks"):
        yield "ranks given", _tally(effects["ranks"])
    if effects.get("promotions"):
        yield "promoted by the policy then", _tally(effects["promotions"])
        yield "the first of them", named(effects["promoted"])
    if counts.get("thresholds"):
        yield (
            "at the threshold of a suspension",
            f"{counts['thresholds']:,}; nobody is suspended now, the next warning does it:"
            f" {named(effects['thresholds'])}",
        )


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {rank}" for rank, count in counts.items())


def named(entries: list[str]) -> str:
    """Return stored entries (`user id: what`) with present names."""
    pairs = [entry.partition(": ")[::2] for entry in entries]
    ids = [int(user_id) for user_id, _ in pairs]
    names = dict(Player.objects.filter(user_id__in=ids).values_list("user_id", "username"))
    return ", ".join(f"{names.get(int(one), one)} ({what})" for one, what in pairs)
