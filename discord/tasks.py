"""Celery tasks of Discord, in the queue of the sync: they wait for Discord and Roblox.

Periodic tasks find all work. A hint after a request only makes it faster.
"""

import time

from celery import shared_task

from common.task_hints import Hint
from discord.interactions import pending, queue_messages
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


@shared_task(name="discord.answer")
def answer() -> int:
    """Carry out and answer stored interactions for TURN seconds. Returns their number."""
    until = time.monotonic() + TURN
    done = 0
    while time.monotonic() < until and (taken := pending.step()):
        done += taken
    if done:
        POSTING.give()
    return done


@shared_task(name="discord.post_queue")
def post_queue() -> int:
    """Bring the queue's messages up to date for TURN seconds. Returns the number of calls."""
    queue_messages.discover()
    until = time.monotonic() + TURN
    sent = 0
    while time.monotonic() < until and (taken := queue_messages.step()):
        sent += taken
    return sent


ANSWERING = Hint(answer, every=0.1)
POSTING = Hint(post_queue, every=0.5)
