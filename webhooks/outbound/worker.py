"""Make the calls of due deliveries, many at a time, in one asyncio loop.

Database work (`webhooks.outbound.queue.exchange`) runs in a thread meanwhile. A call that hangs
takes only a slot of its own endpoint.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.conf import settings
from django.db import Error, connection

from common import database_errors, tracing
from webhooks.endpoints.calls import EndpointLoad
from webhooks.formats.base import AnswerVerdict, AttemptOutcome
from webhooks.outbound import queue
from webhooks.outbound.http_client import HttpAnswer, Outgoing, Sender
from webhooks.outbound.queue import DeliveryCall, FinishedCall

GATHER = 0.004  # seconds that a finished call waits to be committed together with others
POLL = 0.25  # seconds between two checks for due deliveries while calls run
RECONNECT = 1.0  # seconds before a lost database connection is tried again
SLOW = 2.0  # seconds; an endpoint that takes longer gets fewer slots

log = structlog.get_logger("grps.webhooks")


def run(seconds: float, successor: Callable[[], None] = lambda: None) -> int:
    """Deliver until nothing is due, for at most `seconds`. Return the number of calls.

    When the time is over and more may be due, `successor` is called. Then the last calls finish.
    """
    return asyncio.run(_Worker(seconds, successor).run())


class _Worker:
    def __init__(self, seconds: float, successor: Callable[[], None]) -> None:
        self._until = time.monotonic() + seconds
        self._successor = successor
        self._worker = secrets.token_hex(16)
        self._connections = settings.INTEGRATIONS.webhooks.connections
        self._busy: dict[int, int] = {}
        self._slow: set[int] = set()
        self._finished: list[FinishedCall] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._progress = asyncio.Event()
        self._count = 0

    async def run(self) -> int:
        rules = settings.INTEGRATIONS.webhooks
        sender = Sender(
            timeout=rules.timeout_seconds,
            insecure=not settings.PRODUCTION,
            exceptions=settings.WEBHOOK_ALLOWED_NETWORKS,
            connections=self._connections,
        )
        # A database connection belongs to its thread.
        with ThreadPoolExecutor(1, "webhooks-db") as database:
            async with sender:
                try:
                    await self._deliver(sender, database)
                finally:
                    await self._in(database, _disconnect)
        return self._count

    async def _deliver(self, sender: Sender, database: ThreadPoolExecutor) -> None:
        time_is_up = False
        while True:
            if not time_is_up and time.monotonic() >= self._until:
                time_is_up = True
                self._successor()
            calls = await self._exchange(database, taking=not time_is_up)
            for call in calls:
                self._begin(sender, call)
            if not self._calls and not self._finished and not calls:
                return
            await self._wait()

    async def _exchange(self, database: ThreadPoolExecutor, *, taking: bool) -> list[DeliveryCall]:
        finished, self._finished = self._finished, []
        self._progress.clear()
        spare = self._connections - len(self._calls) if taking else 0
        load = EndpointLoad(dict(self._busy), frozenset(self._slow), spare)
        try:
            return await self._in(database, queue.exchange, self._worker, finished, load)
        except Error as error:
            if not database_errors.is_temporary(error):
                raise
            # Kept until the database is back, since calls without a stored result would be sent
            # again.
            log.warning("the database is away", error=str(error), results=len(finished))
            self._finished = finished + self._finished
            await self._in(database, _disconnect)
            await asyncio.sleep(RECONNECT)
            return []

    def _begin(self, sender: Sender, call: DeliveryCall) -> None:
        self._count += 1
        self._busy[call.endpoint.id] = self._busy.get(call.endpoint.id, 0) + 1
        task = asyncio.create_task(self._call(sender, call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, sender: Sender, call: DeliveryCall) -> None:
        endpoint = call.endpoint
        headers = {**endpoint.headers, **call.headers}
        answer = await sender.send(Outgoing(endpoint.address, headers, call.rendered.body))
        self._busy[endpoint.id] -= 1
        (self._slow.add if answer.milliseconds > SLOW * 1000 else self._slow.discard)(endpoint.id)
        verdict = _judge(call, answer)
        _log(call, answer, verdict)
        self._finished.append(
            FinishedCall(call, verdict, answer.status, answer.milliseconds, answer.body)
        )
        self._progress.set()

    async def _wait(self) -> None:
        if not self._finished:
            try:
                await asyncio.wait_for(self._progress.wait(), POLL)
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
    """Close the database connection of this thread. Django has one for each thread."""
    connection.close()


def _log(call: DeliveryCall, answer: HttpAnswer, verdict: AnswerVerdict) -> None:
    """Log an attempt under the ids of the request that caused it."""
    ids = {"request_id": call.request_id, "trace_id": tracing.trace_id_of(call.request_id)}
    log.info(
        "webhook attempt",
        **(ids if call.request_id else {}),
        endpoint=call.endpoint.name,
        outcome=str(verdict.outcome),
        messages=len(call.deliveries),
        http={"method": "POST", "status_code": answer.status, "duration_ms": answer.milliseconds},
    )


def _judge(call: DeliveryCall, answer: HttpAnswer) -> AnswerVerdict:
    try:
        return call.endpoint.kind.judge(answer)
    except Exception as error:
        # No answer of a receiver may end the worker.
        log.exception("an answer cannot be judged", endpoint=call.endpoint.name)
        return AnswerVerdict(AttemptOutcome.FAILED, f"The answer cannot be judged: {error!r}.")
