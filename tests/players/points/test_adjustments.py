"""Adjusted points, and the erasure of a person."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import AuditEvent, AuditPersonal
from audits.record import Actor
from common.errors import Refused
from players import leaderboard
from players.active_policy import active
from players.models import LedgerEntry, Player
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.points import consistency
from players.points.adjustments import adjust
from players.privacy.erasure import erase
from tests.players.conftest import OWNER, Game


def test_an_adjustment_is_a_part_of_its_own(game: Game, stands: Callable[..., Player]) -> None:
    stands(10)
    adjust(1, 250, Command(by=OWNER, reason="lost a save", now=timezone.now()))
    player = adjust(1, -2000, Command(by=OWNER, reason="a glitch", now=timezone.now())).player
    assert player is not None
    assert (str(player.adjusted), str(player.points), player.adjusted_sequence) == (
        "-17.50",
        "0.00",
        2,
    )
    receipt = game.send(game.event(1, 2, total=25))
    assert receipt["players"][0]["adjusted"] == {"sequence": 2, "total": -17.5}
    assert receipt["players"][0]["points"] == 7.5
    assert consistency.verify() == []


def test_an_adjustment_needs_reason_right_and_approval(
    stands: Callable[..., Player],
) -> None:
    stands(10)
    colonel = Staff(
        Actor("staff", "9", "Otto", "staff:9"), active().bundle.by_name["Electro Colonel"], 900
    )
    for by, amount, reason, words in (
        (OWNER, 100, "", "reason"),
        (OWNER, 0, "x", "nothing"),
    ):
        with pytest.raises(Refused, match=words):
            adjust(1, amount, Command(by=by, reason=reason, now=timezone.now()))
    held = adjust(1, 100_01, Command(by=colonel, reason="helped out", now=timezone.now()))
    assert held.approval is not None
    assert held.approval.cause == "limit"
    assert not LedgerEntry.objects.filter(origin="console").exists()
    adjust(1, 100_00, Command(by=colonel, reason="helped out", now=timezone.now()))


def test_erasing_a_person_keeps_every_proof(
    transactional_db: None, game: Game, stands: Callable[..., Player]
) -> None:
    player = stands(60, days=3)
    game.send(game.event(1, 2, total=75, username="Very Private Name"))
    game.send(game.event(1, 3, awarded=16, total=91))
    while seal_pending():
        pass
    erase(1, by=OWNER, reason="RightToErasureRequest", now=timezone.now())
    while seal_pending():
        pass
    player.refresh_from_db()
    assert player.user_id < 0
    assert (player.display_name, player.listed) == ("", False)
    assert not AuditPersonal.objects.filter(subject=player.subject).exists()
    assert not Player.objects.filter(user_id=1).exists()
    assert AuditEvent.objects.get(action="player.erased").details["personalRows"] > 0
    assert verify().findings == []
    assert consistency.verify() == []
    assert leaderboard.total() == 0


def test_somebody_who_comes_back_starts_anew(game: Game, stands: Callable[..., Player]) -> None:
    stands(60)
    erase(1, by=OWNER, reason="ordered", now=timezone.now())
    receipt = game.send(game.event(1, 1))
    assert (receipt["accepted"], receipt["players"][0]["points"]) == (1, 15)
    with pytest.raises(Refused, match="No player"):
        erase(404, by=OWNER, reason="ordered", now=timezone.now())
