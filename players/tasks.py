"""Celery's door: each task calls one rule and is safe to run twice, or at the same time."""

from celery import shared_task

from players import due, leaderboard


@shared_task(name="players.evaluate_due")
def evaluate_due() -> int:
    return due.evaluate_due()


@shared_task(name="players.fold_standings")
def fold_standings() -> int:
    folded = 0
    while changed := leaderboard.fold():
        folded += changed
    return folded
