"""Celery tasks of Discord, in the queue of the sync: they wait for Discord."""

import time

from celery import shared_task

from discord.roles import reading, runner

TURN = 15.0  # seconds, so that a run never keeps a process from other work for long


@shared_task(name="discord.push_roles")
def push_roles() -> int:
    """Give and take due roles for TURN seconds and return the number of mirrors."""
    until = time.monotonic() + TURN
    pushed = 0
    while time.monotonic() < until and (taken := runner.step(lambda: time.monotonic() > until)):
        pushed += taken
    return pushed


@shared_task(name="discord.read_members")
def read_members() -> int:
    """Read members of the guild for TURN seconds and return their number."""
    until = time.monotonic() + TURN
    read = 0
    while time.monotonic() < until and (taken := reading.step()):
        read += taken
    return read
