"""A suspension keeps the former rank, and its end restores it exactly."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from common.errors import Refused
from players.discipline import sanctions
from players.models import Decision, Rank, Sanction
from players.moderation.actors import Staff, officer
from players.moderation.command import Command
from players.ranks import decisions
from players.tasks import end_sanctions
from tests.players.discipline.conftest import ADMIRAL, COMMAND, MAJOR, OPERATOR, make, order, player

Officers = Callable[[int], Staff]


def test_the_former_rank_is_kept_and_given_back(
    people: Officers,
) -> None:
    since = player().rank_since
    sanctions.suspend(1, Command(**order(people(MAJOR))))
    suspended = player()
    assert suspended.rank.name == "Suspended"
    assert (suspended.former_rank and suspended.former_rank.name, suspended.former_rank_since) == (
        "Captain I",
        since,
    )
    sanctions.lift(1, Command(**order(people(MAJOR))))
    assert (player().rank.name, player().rank_since, player().former_rank) == (
        "Captain I",
        since,
        None,
    )


def test_it_ends_by_itself_at_its_time_and_not_before(people: Officers) -> None:
    since, now = player().rank_since, timezone.now()
    until = now + dt.timedelta(hours=1)
    sanctions.suspend(1, Command(**order(people(MAJOR))), until=until)
    assert sanctions.end_due(until - dt.timedelta(microseconds=1)) == 0
    assert sanctions.end_due(until) == 1
    assert (player().rank.name, player().rank_since) == ("Captain I", since)
    assert sanctions.end_due(until) == 0


def test_one_that_cannot_be_ended_keeps_no_other_one_suspended(people: Officers) -> None:
    until = timezone.now() + dt.timedelta(hours=1)
    broken = sanctions.suspend(1, Command(**order(people(MAJOR))), until=until).sanction
    assert broken is not None
    make(77, "Captain I")
    sanctions.suspend(77, Command(**order(people(MAJOR))), until=until)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.break() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'broken'; END$$;"
            "CREATE TRIGGER broken BEFORE UPDATE ON sanctions FOR EACH ROW"
            f" WHEN (OLD.id = {broken.pk}) EXECUTE FUNCTION pg_temp.break()"
        )
    assert sanctions.end_due(until) == 1
    assert player(77).rank.name == "Captain I"
    assert player().rank.name == "Suspended"


def test_the_periodic_task_ends_what_is_over(people: Officers) -> None:
    sanction = sanctions.suspend(1, Command(**order(people(MAJOR)))).sanction
    assert sanction is not None
    over = timezone.now() - dt.timedelta(seconds=1)
    Sanction.objects.filter(pk=sanction.pk).update(
        starts_at=over - dt.timedelta(days=1), ends_at=over
    )
    assert end_sanctions() == 1
    assert player().rank.name == "Captain I"


def test_a_lost_former_rank_becomes_the_nearest_below(people: Officers) -> None:
    sanctions.suspend(1, Command(**order(people(MAJOR))))
    gone = Rank.objects.get(name="Captain I")
    gone.pk, gone.name, gone.slug = None, "Lost Captain", "lost-captain"
    gone.position, gone.min_points, gone.retired = 99, "2900", True
    gone.save()
    former = player()
    former.former_rank = gone
    former.save()
    sanctions.lift(1, Command(**order(people(MAJOR))))
    assert player().rank.name == "Arc Lieutenant II"


def test_an_open_proposal_is_withdrawn(people: Officers) -> None:
    proposal = decisions.propose(1, "Captain II", Command(**order(people(MAJOR))))
    sanctions.suspend(1, Command(**order(people(MAJOR))))
    assert Decision.objects.get(pk=proposal.pk).status == "withdrawn"


def test_a_rank_is_not_given_by_hand_to_who_is_suspended(people: Officers) -> None:
    sanctions.suspend(1, Command(**order(people(MAJOR))))
    with pytest.raises(Refused, match="lift that first"):
        decisions.set_rank(1, "Captain II", Command(**order(people(ADMIRAL))))


@pytest.mark.parametrize("first", ["lift", "unban"])
def test_a_ban_and_a_suspension_end_in_any_order(people: Officers, first: str) -> None:
    since = player().rank_since
    sanctions.suspend(1, Command(**order(OPERATOR)))
    sanctions.ban(1, Command(**order(OPERATOR)))
    acts = [sanctions.lift, sanctions.unban]
    for act in acts if first == "lift" else reversed(acts):
        act(1, Command(**order(OPERATOR)))
    assert (player().rank.name, player().rank_since, player().banned) == ("Captain I", since, False)


def test_who_is_suspended_acts_no_more(people: Officers) -> None:
    sanctions.suspend(MAJOR, Command(**order(people(ADMIRAL))))
    with pytest.raises(Refused, match="does not entitle"):
        officer(MAJOR)


def test_a_suspended_superior_is_still_a_superior(people: Officers) -> None:
    sanctions.suspend(ADMIRAL, Command(**order(people(COMMAND))))
    with pytest.raises(Refused, match="at or above"):
        sanctions.lift(ADMIRAL, Command(**order(people(MAJOR))))


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "until: that moment has passed"),
        (dt.datetime(2090, 1, 1), "until: say the time zone"),
    ],
)
def test_an_end_that_cannot_be_is_refused(people: Officers, until: dt.datetime, words: str) -> None:
    with pytest.raises(Refused, match=words):
        sanctions.suspend(1, Command(**order(people(MAJOR))), until=until)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (["http://example.com/a"], "not an https"),
        (["https://example.com/" + "a" * 500], "not an https"),
        (["https://example.com"] * 6, "6 links; 5 are the most"),
    ],
)
def test_evidence_is_a_few_links(people: Officers, evidence: list[str], words: str) -> None:
    with pytest.raises(Refused, match=f"evidence: .*{words}"):
        sanctions.warn(1, Command(**order(people(MAJOR))), evidence=evidence)


@pytest.mark.parametrize(
    ("reason", "words"), [(" ", "required"), ("a" * 501, "501"), ("a\0b", "NUL")]
)
def test_a_reason_is_a_sentence(people: Officers, reason: str, words: str) -> None:
    with pytest.raises(Refused, match=f"reason: .*{words}"):
        sanctions.warn(1, Command(**order(people(MAJOR), reason=reason)))


def test_the_mirrors_follow(people: Officers) -> None:
    from roblox.models import Experience
    from syncs.models import Mirror

    Experience.objects.filter(key="nexus").update(universe_id=77)
    standing = Mirror.objects.filter(player__user_id=1, aspect="standing")
    sanctions.suspend(1, Command(**order(people(MAJOR))))
    assert standing.get().desired == {"rank": "Suspended", "sanction": "suspension"}
    sanctions.lift(1, Command(**order(people(MAJOR))))
    assert standing.get().desired == {"rank": "Captain I", "sanction": None}
    assert not Mirror.objects.filter(player__user_id=1, aspect="restriction").exists()


def test_nothing_is_done_to_nobody(people: Officers) -> None:
    make(5, "Initiate")
    with pytest.raises(Refused, match="No player has the user id 404"):
        sanctions.warn(404, Command(**order(people(MAJOR))))
    with pytest.raises(Refused, match="not suspended"):
        sanctions.lift(5, Command(**order(people(MAJOR))))
