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

LOOP_HANDS = 2
"""Threads for what is sync around awaited bodies, so that none of it waits behind a sync body."""
RESTED = 1.0
"""Seconds after which a thread that had nothing to do tries its connections before it uses them again."""


@dataclass(slots=True)
class Job:
    """A performance, and how far it has got."""

    performance: Performance
    awaited: bool
    """Whether its body is awaited: then it is no matter of the threads for sync bodies."""
    course: Generator[Awaitable[Any], Any, Settlement | Transition | None] | None = None
    answer: tuple[bool, Any] = (True, None)
    """Whether what was awaited succeeded, and its result or exception."""
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
        self._bodies = _Hands("performer", count, self._do, course)
        self._awaited = _Hands("performer of awaited steps", LOOP_HANDS, self._do, course)

    def perform(self, performance: Performance, *, awaited: bool) -> None:
        """Perform it as soon as a thread is free."""
        self._hands(awaited).put(Job(performance, awaited))

    def call(self, function: Callable[[], object], *, awaited: bool) -> None:
        """Run the app's own code (a hook) in one of the threads."""
        self._hands(awaited).put(function)

    def take_back(self) -> list[Performance]:
        """Those that still wait for a thread: they won't be performed."""
        return [*self._bodies.take_back(), *self._awaited.take_back()]

    def end(self, until: float) -> None:
        """End the threads, but not later than `until` (monotonic): a body that can't be stopped is left alone."""
        for hands in (self._bodies, self._awaited):
            hands.end()
        for hands in (self._bodies, self._awaited):
            hands.join(until)

    def _hands(self, awaited: bool) -> _Hands:
        return self._awaited if awaited else self._bodies

    def _do(self, job: Job | Callable[[], object]) -> None:
        if not isinstance(job, Job):
            job()
            return
        try:
            self._advance(job)
        except BaseException as error:
            self._course.trouble("a performer met an error of the library", error)
            self._course.leaves(job.performance)

    def _advance(self, job: Job) -> None:
        performance, began = job.performance, monotonic()
        if not job.has_begun:
            self._course.begins(performance)
            if performance.is_gone:
                return self._course.superseded(performance)
        try:
            awaitable = job.context.run(job.advance)
        except StopIteration as stop:
            self._course.ended(performance, stop.value)
        except Superseded as superseded:
            self._course.superseded(performance, superseded)
        else:
            awaited = performance.store.awaited(awaitable)
            # In a copy: the answer may come, and another thread go on in the context, before this call returns.
            job.context.copy().run(self._loop.run, awaited, lambda answer: self._answered(job, answer))
        self._course.took(monotonic() - began)
        return None

    def _answered(self, job: Job, answer: tuple[bool, Any]) -> None:
        job.answer = answer
        self._hands(job.awaited).put(job)


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
