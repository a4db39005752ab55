"""The calls themselves: many under way at once, their results and the next ones' beginnings
committed together.

One loop. Each turn (`webhooks.outbound.queue.turn`) runs in a thread with the database; calls go on
meanwhile. A call that hangs costs its endpoint a slot and nobody else anything.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from webhooks.endpoints.health import Load
from webhooks.formats.base import Outcome, Verdict
from webhooks.outbound import queue
from webhooks.outbound.http_client import Answer, Outgoing, Sender
from webhooks.outbound.queue import Call, Done

GATHER = 0.004  # seconds that a finished call waits for others to be committed with it
LOOK = 0.25  # seconds after which the table is looked at again while calls are under way
AWAY = 1.0  # seconds before the database is asked again
SLOW = 2.0  # seconds; an endpoint that takes longer gets few slots

log = structlog.get_logger("grps.webhooks")


def run(seconds: float, successor: Callable[[], None] = lambda: None) -> int:
    """Deliver until nothing is due, for `seconds` at most; how many calls were made.

    `successor` is called when time is up and more may be due, before the last calls have ended.
    """
    return asyncio.run(_Engine(seconds, successor).run())


class _Engine:
    def __init__(self, seconds: float, successor: Callable[[], None]) -> None:
        self._until = time.monotonic() + seconds
        self._successor = successor
        self._worker = secrets.token_hex(16)
        self._connections = settings.INTEGRATIONS.webhooks.connections
        self._busy: dict[int, int] = {}
        self._slow: set[int] = set()
        self._done: list[Done] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._progress = asyncio.Event()
        self._made = 0

    async def run(self) -> int:
        rules = settings.INTEGRATIONS.webhooks
        sender = Sender(
            timeout=rules.timeout_seconds,
            insecure=not settings.PRODUCTION,
            exceptions=settings.WEBHOOK_ALLOWED_NETWORKS,
            connections=self._connections,
        )
        # A connection to the database belongs to its thread.
        with ThreadPoolExecutor(1, "webhooks-db") as database:
            async with sender:
                try:
                    await self._deliver(sender, database)
                finally:
                    await self._in(database, _disconnect)
        return self._made

    async def _deliver(self, sender: Sender, database: ThreadPoolExecutor) -> None:
        passing_on = False
        while True:
            if not passing_on and time.monotonic() >= self._until:
                passing_on = True
                self._successor()
            begun = await self._turn(database, taking=not passing_on)
            for call in begun:
                self._begin(sender, call)
            if not self._calls and not self._done and not begun:
                return
            await self._wait()

    async def _turn(self, database: ThreadPoolExecutor, *, taking: bool) -> list[Call]:
        done, self._done = self._done, []
        self._progress.clear()
        spare = self._connections - len(self._calls) if taking else 0
        load = Load(dict(self._busy), frozenset(self._slow), spare)
        try:
            return await self._in(database, queue.turn, self._worker, done, load)
        except (OperationalError, InterfaceError) as error:
            # What is done is done: kept until the database is back, else it would be sent again.
            log.warning("the database is away", error=str(error), results=len(done))
            self._done = done + self._done
            await self._in(database, _disconnect)
            await asyncio.sleep(AWAY)
            return []

    def _begin(self, sender: Sender, call: Call) -> None:
        self._made += 1
        self._busy[call.endpoint.id] = self._busy.get(call.endpoint.id, 0) + 1
        task = asyncio.create_task(self._call(sender, call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, sender: Sender, call: Call) -> None:
        endpoint = call.endpoint
        headers = {**endpoint.headers, **call.rendered.headers}
        answer = await sender.send(Outgoing(endpoint.address, headers, call.rendered.body))
        self._busy[endpoint.id] -= 1
        (self._slow.add if answer.milliseconds > SLOW * 1000 else self._slow.discard)(endpoint.id)
        self._done.append(
            Done(call, _judge(call, answer), answer.status, answer.milliseconds, answer.body)
        )
        self._progress.set()

    async def _wait(self) -> None:
        if not self._done:
            try:
                await asyncio.wait_for(self._progress.wait(), LOOK)
            except TimeoutError:
                return
        await asyncio.sleep(GATHER)

    @staticmethod
    async def _in[**P, T](
        executor: ThreadPoolExecutor, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            executor, lambda: job(*args, **kwargs)
        )


def _disconnect() -> None:
    """Close this thread's connection; `connection` means another one in each thread."""
    connection.close()


def _judge(call: Call, answer: Answer) -> Verdict:
    try:
        return call.endpoint.kind.judge(answer)
    except Exception as error:
        # A receiver must not be able to end the worker with an answer that nobody thought of.
        log.exception("an answer cannot be judged", endpoint=call.endpoint.name)
        return Verdict(Outcome.FAILED, f"The answer cannot be judged: {error!r}.")
