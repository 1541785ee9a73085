"""The threads of a worker: they run whatever is sync in a performance, that is conditions, hooks and sync bodies."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Protocol

from stepper_motor.journeys.calling import enveloped
from stepper_motor.journeys.row import Transition
from stepper_motor.motor.loop import LoopThread
from stepper_motor.motor.performance import Performance, Superseded
from stepper_motor.motor.ports import Settlement
from stepper_motor.motor.waiting import pause_for

LOOP_HANDS = 2
"""Threads for what is sync around awaited bodies, so that none of it waits behind a sync body."""
AWAY = 0.2
"""Seconds until a performance that found the database away tries again to begin."""
RESTED = 1.0
"""Seconds after which a thread that had nothing to do tries its connections before it uses them again."""


@dataclass(slots=True, eq=False)
class Job:
    """A performance, and how far it has got."""

    performance: Performance
    awaited: bool
    """Whether its body is awaited: then it is no matter of the threads for sync bodies."""
    course: Generator[Awaitable[Any], Any, Settlement | Transition | None] | None = None
    answer: tuple[bool, Any] = (True, None)
    """Whether what was awaited succeeded, and its result or exception."""
    cancel: Callable[[], None] | None = None
    """Cancels what is awaited."""
    context: Context = field(default_factory=copy_context)
    """Of its own, so that what a step leaves in a context variable is not found by the next journey's."""

    @property
    def has_begun(self) -> bool:
        return self.course is not None

    def advance(self) -> Awaitable[Any]:
        """Run it until it has to await something.

        Raises:
            StopIteration: it has ended; the value is its result.
        """
        if self.course is None:
            self.course = self.performance.conduct()
        succeeded, answer = self.answer
        return self.course.send(answer) if succeeded else self.course.throw(enveloped(answer))


class Course(Protocol):
    """What a thread tells of a performance."""

    def ended(self, performance: Performance, result: Settlement | Transition | None) -> None: ...

    def superseded(self, performance: Performance, error: Exception | None = None) -> None: ...

    def leaves(self, performance: Performance) -> None: ...

    def took(self, seconds: float) -> None:
        """A thread was busy this long."""

    def begins(self, performance: Performance) -> None:
        """It waited for its thread, and waits no longer."""

    def trouble(self, detail: str, error: BaseException) -> None: ...

    def freshen(self) -> None:
        """Close this thread's connections if they are broken."""

    def close(self) -> None:
        """Close this thread's connections: it ends."""

    @property
    def outages(self) -> int:
        """How often the database was found to be away."""


class Performers:
    """Threads for sync bodies, and a few for what is sync around awaited ones."""

    def __init__(self, course: Course, loop: LoopThread, count: int) -> None:
        self._loop = loop
        self._course = course
        self._awaiting: set[Job] = set()
        self._bodies = _Hands("performer", count, self._do, course)
        self._awaited = _Hands("performer of awaited steps", LOOP_HANDS, self._do, course)
        # All others may be waiting for the connections that these give back: they must not have to wait for a thread.
        self._bodies_holding = _Hands("performer with a connection", 1, self._do, course)
        self._awaited_holding = _Hands("performer of awaited steps with a connection", 1, self._do, course)

    def perform(self, performance: Performance, *, awaited: bool) -> None:
        """Perform it as soon as a thread is free."""
        self._hands(awaited).put(Job(performance, awaited))

    def call(self, function: Callable[[], object], *, awaited: bool) -> None:
        """Run the app's own code (a hook) in one of the threads."""
        self._hands(awaited).put(function)

    def take_back(self) -> list[Performance]:
        """Those that still wait for a thread: they won't be performed."""
        return [*self._bodies.take_back(), *self._awaited.take_back()]

    def cancel_awaited(self) -> None:
        """Cancel what is awaited: each of them is then settled as lost, by a graceful stop."""
        for job in tuple(self._awaiting):
            if job.cancel:
                job.cancel()

    def end(self, until: float) -> None:
        """End the threads, but not later than `until` (monotonic): a body that can't be stopped is left alone."""
        everybody = (self._bodies, self._awaited, self._bodies_holding, self._awaited_holding)
        for hands in everybody:
            hands.end()
        for hands in everybody:
            hands.join(until)

    def _hands(self, awaited: bool) -> _Hands:
        return self._awaited if awaited else self._bodies

    def _hands_holding(self, awaited: bool) -> _Hands:
        return self._awaited_holding if awaited else self._bodies_holding

    def _do(self, job: Job | Callable[[], object]) -> None:
        if not isinstance(job, Job):
            job()
            return
        try:
            self._advance(job)
        except BaseException as error:
            self._course.trouble("a performer met an error of the library", error)
            if not self._starts_over(job, error):
                self._course.leaves(job.performance)

    def _starts_over(self, job: Job, error: BaseException) -> bool:
        """Put a performance in line again that found the database away before its body was entered."""
        performance = job.performance
        if performance.entered or not performance.store.is_disconnect(error):
            return False
        pause_for(AWAY)
        job.course, job.answer = None, (True, None)
        self._hands(job.awaited).put(job)
        return True

    def _advance(self, job: Job) -> None:
        performance, began = job.performance, monotonic()
        if not job.has_begun:
            self._course.begins(performance)
            if performance.is_gone:
                return self._course.superseded(performance)
        try:
            awaitable = job.context.run(performance.store.call_here, job.advance)
        except StopIteration as stop:
            self._course.ended(performance, stop.value)
        except Superseded as superseded:
            self._course.superseded(performance, superseded)
        else:
            self._await(job, awaitable)
        self._course.took(monotonic() - began)
        return None

    def _await(self, job: Job, awaitable: Awaitable[Any]) -> None:
        store = job.performance.store
        loop = store.loop_for(self._loop)
        self._awaiting.add(job)
        # In a copy: the answer may come, and another thread go on in the context, before this call returns.
        job.cancel = job.context.copy().run(
            loop.run, store.awaited(awaitable), lambda answer: self._answered(job, answer)
        )

    def _answered(self, job: Job, answer: tuple[bool, Any]) -> None:
        self._awaiting.discard(job)
        job.answer = answer
        performance = job.performance
        is_holding = performance.store.holds_connection(performance.mark)
        (self._hands_holding if is_holding else self._hands)(job.awaited).put(job)


class _Hands:
    """Threads that serve one queue; they start with the first job."""

    def __init__(self, name: str, count: int, do: Callable[[Any], None], course: Course) -> None:
        self._name = name
        self._count = count
        self._do = do
        self._course = course
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()

    def put(self, job: Job | Callable[[], object]) -> None:
        self._queue.put(job)
        if not self._threads:
            self._start()

    def take_back(self) -> list[Performance]:
        back, others = [], []
        while (job := self._next_waiting()) is not None:
            if isinstance(job, Job) and not job.has_begun:
                back.append(job.performance)
            else:
                others.append(job)
        for job in others:
            self._queue.put(job)
        return back

    def end(self) -> None:
        for _ in self._threads:
            self._queue.put(None)

    def join(self, until: float) -> None:
        for thread in self._threads:
            thread.join(max(until - monotonic(), 0.0))

    def _start(self) -> None:
        with self._starting:
            if self._threads:
                return
            name = f"stepper_motor {self._name}"
            started = [
                threading.Thread(target=self._run, name=f"{name} {n + 1}", daemon=True) for n in range(self._count)
            ]
            for thread in started:
                thread.start()
            self._threads = started

    def _next_waiting(self) -> Any:
        try:
            return self._queue.get_nowait()
        except Empty:
            return None

    def _run(self) -> None:
        rested, outages, goes_on = monotonic(), self._course.outages, True
        while goes_on:
            try:
                job = self._queue.get()
                goes_on = job is not None
                if goes_on and (monotonic() - rested > RESTED or outages != self._course.outages):
                    outages = self._course.outages
                    self._course.freshen()
                if goes_on:
                    self._do(job)
            except BaseException as error:  # whatever was thrown into this thread, it is not the end of it
                self._course.trouble("a performer was disturbed", error)
            rested = monotonic()
        self._course.close()
