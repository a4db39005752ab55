"""What mass changes know of a person, gone in the transaction in which they are erased."""

from typing import Any

from players.models import Approval, BulkJob
from players.people import Person


def forget(*, person: Person, **_: Any) -> None:
    """The reasons and the note texts of the jobs that they are in, and of the requests for these, lose their names.

    The jobs go on, since their other rows are of other people; links to what was seen go whole.
    """
    if person.player_id is None:
        return
    told = person.told
    jobs = BulkJob.objects.filter(lines__player=person.player_id).distinct()
    for job in BulkJob.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=jobs.values("pk")):
        job.reason = told.sub("…", job.reason)
        job.arguments.pop("evidence", None)
        if "text" in job.arguments:
            job.arguments["text"] = told.sub("…", job.arguments["text"])
        job.save(update_fields=["reason", "arguments"])
    for request in Approval.objects.filter(bulk_job__in=jobs.values("pk")):
        request.reason, request.decide_reason = told.sub("…", request.reason), told.sub("…", request.decide_reason)
        request.save(update_fields=["reason", "decide_reason"])
