"""Tickets through taskiq.

    ForwardScheduler(TaskiqQueue(broker, source=ListRedisScheduleSource(url)))

Make the queue in the module of the broker: that gives the broker its tasks, `stepper_motor:perform_step` and
`stepper_motor:sweep`, the latter with a schedule for taskiq's `LabelScheduleSource`.

A broker belongs to the event loop that it was started on. Where the app has started it (`await broker.startup()`, as
taskiq's own worker does), tickets are sent on that loop; where nobody has, it is started on a loop in a thread of its
own, so sync code needs to know nothing of loops.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from taskiq import AsyncBroker, InMemoryBroker, ScheduleSource, TaskiqEvents, TaskiqState
from taskiq.decor import AsyncTaskiqDecoratedTask
from taskiq.exceptions import SendTaskError

from stepper_motor.journeys.durations import Duration, duration
from stepper_motor.motor import receiving
from stepper_motor.motor.forks import KnowsForks
from stepper_motor.motor.loop import LoopThread
from stepper_motor.motor.ports import Store
from stepper_motor.motor.queue_options import (
    DICTIONARY,
    NAME,
    WHOLE_NUMBER,
    Kinds,
    check_kind,
    check_options,
    check_priority,
)
from stepper_motor.motor.schedulers import horizon_of

OPTIONS = {"queue": "queue_name", "queue_name": "queue_name", "priority": "priority"}
"""Of a class's and a step's `queue_options`: the label that tells a broker of it. `labels` are more of them."""
KINDS: Mapping[str, Kinds] = {"queue": NAME, "queue_name": NAME, "priority": WHOLE_NUMBER, "labels": DICTIONARY}
HORIZON = timedelta(days=7)
PATIENCE = 3.0
"""Seconds that a ticket may take to be sent: a broker that is away must not hold up the app's commits."""
LOOK = 0.5
"""Seconds after which a thread that waits for an event loop looks whether that still runs."""
HOME = "stepper_motor"
"""The name in `broker.state`."""
_logger = logging.getLogger("stepper_motor")

Sending = Callable[[], Coroutine[Any, Any, object]]


def perform_step(ticket: str) -> None:
    """Perform the step that a ticket is for."""
    receiving.perform_ticket(ticket)


def sweep() -> None:
    """Recover, hand over and delete."""
    receiving.sweep()


class TaskiqQueue:
    """Hands tickets to taskiq.

    Args:
        broker: not started yet.
        source: where delayed tickets wait for `taskiq scheduler`, which has to have it among its sources. Without one,
            only what is due is handed over: the sweep does it.
        max_delay: its horizon, with a source.
        sweep: how often `taskiq scheduler` has a worker sweep (timedelta or seconds, whole ones), if it has a
            `LabelScheduleSource`; None: somebody else does. Of several queues on one broker the first that says it.
        options: `queue`, `priority` and `labels` of every ticket and sweep; a class's and a step's `queue_options` come
            over them.

    Raises:
        ValueError: it has no such option; `sweep` is not in whole seconds.
        TypeError: `broker` or `source` is none of taskiq's.
    """

    def __init__(
        self, broker: AsyncBroker, *, source: ScheduleSource | None = None, max_delay: Duration | None = HORIZON,
        sweep: Duration | None = timedelta(minutes=1), **options: Any,
    ) -> None:  # fmt: skip
        check_kind("broker", broker, AsyncBroker, "a broker of taskiq's")
        if source is not None:
            check_kind("source", source, ScheduleSource, "a schedule source of taskiq's")
        horizon = horizon_of(max_delay, endless=True)
        self.max_delay = horizon if source is not None else timedelta()
        self.is_eager = isinstance(broker, InMemoryBroker)
        self._source = source
        self._labels = _labels(options)
        self._home = _home(broker)
        self._task = _registered(broker, sweep, self._labels)

    def check(self, options: Mapping[str, Any]) -> None:
        """See `ParticularQueue`."""
        _labels(options)

    def commits_with(self, store: Store) -> bool:
        return False

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        kicker = self._task.kicker().with_labels(**{**self._labels, **_labels(options)})
        if at is None:
            return self._home.send(lambda: kicker.kiq(ticket))
        if self._source is None:
            raise ValueError("taskiq keeps a ticket for later in a schedule source: TaskiqQueue(broker, source=...)")
        source = self._source
        return self._home.send(lambda: kicker.schedule_by_time(source, at, ticket))


def _labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as labels of a message."""
    check_options("taskiq has", options, KINDS)
    check_priority(options)
    if "queue" in options and "queue_name" in options:
        raise ValueError("queue and queue_name are the same queue option: give one of them")
    return {**options.get("labels", {}), **{label: options[name] for name, label in OPTIONS.items() if name in options}}


def _registered(
    broker: AsyncBroker, every: Duration | None, labels: Mapping[str, Any]
) -> AsyncTaskiqDecoratedTask[[str], None]:
    """The task that performs steps; another queue may have given it, and a schedule for the sweep, to the broker."""
    schedule = [] if every is None else [{"interval": _whole_seconds(every)}]
    known = broker.local_task_registry.get("stepper_motor:perform_step")
    if known is not None:
        sweeping = broker.local_task_registry["stepper_motor:sweep"]
        sweeping.labels["schedule"] = sweeping.labels["schedule"] or schedule
        return known
    broker.register_task(sweep, "stepper_motor:sweep", schedule=schedule, **labels)
    return broker.register_task(perform_step, "stepper_motor:perform_step")


def _whole_seconds(every: Duration) -> int:
    seconds = duration(every).total_seconds()
    if seconds < 1 or seconds % 1:
        raise ValueError(f"sweep must be in whole seconds, and at least one, got {every!r}")
    return int(seconds)


# ------------------------------------------------------------------------------------------- the loop of a broker


class Home(KnowsForks):
    """Knows the event loop that a broker was started on; makes one and starts it there if nobody did."""

    def __init__(self, broker: AsyncBroker) -> None:
        self._broker = broker
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: int | None = None
        self._own: LoopThread | None = None
        self._failed_at = 0.0
        """When it could not be started (monotonic)."""
        self.begin_anew()
        self.begins_anew_in_a_fork()
        broker.on_event(TaskiqEvents.CLIENT_STARTUP, TaskiqEvents.WORKER_STARTUP)(self._is_started)
        broker.on_event(TaskiqEvents.CLIENT_SHUTDOWN, TaskiqEvents.WORKER_SHUTDOWN)(self._is_shut_down)

    def begin_anew(self) -> None:
        self._starting = threading.Lock()
        self._on_their_way: set[asyncio.Task[None]] = set()

    def left_to_parent(self) -> Iterable[object]:
        return (self._on_their_way,)

    def send(self, sending: Sending) -> None:
        """Send, and wait for it; except in the thread of the broker's loop, which can't wait for itself.

        Raises:
            ValueError: the broker refuses it.
            RuntimeError: the loop ended meanwhile, or has other things to do.
            Exception: the broker can't be reached.
        """
        loop = self._running_loop()
        if loop is _loop_of_this_thread():
            task = loop.create_task(_sent_or_logged(sending))
            self._on_their_way.add(task)  # an event loop holds its tasks weakly
            task.add_done_callback(self._on_their_way.discard)
        else:
            _wait_for(asyncio.run_coroutine_threadsafe(_sent(sending), loop), loop)

    def _is_started(self, state: TaskiqState) -> None:
        self._loop, self._process = asyncio.get_running_loop(), os.getpid()

    async def _is_shut_down(self, state: TaskiqState) -> None:
        if self._on_their_way:
            await asyncio.wait(self._on_their_way)
        self._loop = None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        asked_at = monotonic()
        with self._starting:
            if self._loop is None and asked_at < self._failed_at:
                raise ConnectionError("taskiq's broker could not be started, as another thread has just found out")
            if self._loop is None:
                self._loop = self._start()
            elif self._process != os.getpid():
                raise RuntimeError(
                    "taskiq's broker was started before this process was forked, and its connections can't be shared: "
                    "await broker.startup() in this process (and run taskiq's worker without --use-process-pool)"
                )
            elif not self._loop.is_running():
                raise RuntimeError(
                    "taskiq's broker was started on an event loop that does not run any more, and its connections "
                    "belong to that: await broker.shutdown() before the loop ends, or leave its start to TaskiqQueue"
                )
            return self._loop

    def _start(self) -> asyncio.AbstractEventLoop:
        if self._own is None:
            self._own = LoopThread(lambda error: _logger.error("the loop of taskiq's broker", exc_info=error))
            atexit.register(self._end)
        loop = self._own.loop
        try:
            asyncio.run_coroutine_threadsafe(_in_time(self._broker.startup()), loop).result()
        except BaseException:
            self._loop = None  # it said that it starts, and could not
            self._failed_at = monotonic()
            raise
        return loop

    def _end(self) -> None:
        """The process ends: let go of the broker in good order."""
        if self._own is not None and self._loop is self._own.loop and self._process == os.getpid():
            with suppress(Exception):
                asyncio.run_coroutine_threadsafe(_in_time(self._broker.shutdown()), self._own.loop).result()
            self._own.stop()


def _home(broker: AsyncBroker) -> Home:
    """One for each broker, however many queues it has."""
    if HOME not in broker.state:
        broker.state[HOME] = Home(broker)
    home: Home = broker.state[HOME]
    return home


def _loop_of_this_thread() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _wait_for(sent: Future[None], loop: asyncio.AbstractEventLoop) -> None:
    """Wait for what a loop was asked to do, as long as there is hope.

    taskiq's worker ends its loop when it loses its broker, and waits for its threads: one that waited for that loop
    without an end would keep the process, which serves nobody any more, from being replaced.
    """
    until = monotonic() + 2 * PATIENCE
    while not wait((sent,), timeout=LOOK).done:
        if not loop.is_running() or monotonic() > until:
            sent.cancel()
            state = "is busy with something else" if loop.is_running() else "has ended"
            raise RuntimeError(f"a ticket could not be sent: the event loop of taskiq's broker {state}")
    sent.result()


async def _in_time(coroutine: Coroutine[Any, Any, object]) -> None:
    await asyncio.wait_for(coroutine, PATIENCE)


async def _sent(sending: Sending) -> None:
    try:
        await _in_time(sending())
    except SendTaskError as error:
        if type(error.__cause__).__name__ == "IncorrectRoutingKeyError":  # of taskiq-aio-pika, which not all have
            raise ValueError(str(error.__cause__)) from error
        raise


async def _sent_or_logged(sending: Sending) -> None:
    try:
        await _sent(sending)
    except Exception:
        _logger.exception("a ticket could not be handed over to taskiq; the sweep will")
