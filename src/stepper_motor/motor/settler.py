"""The settler of a worker: writes whatever has ended since its last commit (group commit, no timer).

It never waits for a lock: what others have locked is tried again with the next group, so that one row that an app's
transaction holds does not keep the others from being written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.journeys.row import Row, Transition
from stepper_motor.motor.loading import each_loaded, pause_unreadable
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.ports import Before, JourneyId, Settlement, Store
from stepper_motor.motor.settling import persist, settle

AGAIN = 0.02
"""Seconds until what others had locked is tried again."""

Ended = tuple[Performance, Settlement]
Group = dict[JourneyId, Ended]


class Course(Protocol):
    """What becomes of a performance when its settlement is written."""

    def runs_on(self, performance: Performance, outcome: Outcome, transition: Transition, fresh: Any) -> None: ...

    def concludes(self, performance: Performance, outcome: Outcome, transition: Transition | None) -> None: ...

    def leaves(self, performance: Performance) -> None:
        """It could not be settled, and is left to its lease."""

    def trouble(self, detail: str, error: BaseException) -> None: ...


class Settler:
    """Settles in groups, in a thread of its own."""

    def __init__(self, motor: Motor, name: str, course: Course, is_stopping: Callable[[], bool]) -> None:
        self._motor = motor
        self._name = name
        self._course = course
        self._is_stopping = is_stopping
        self._queue: SimpleQueue[Ended | None] = SimpleQueue()
        self._is_ending = False

    def put(self, performance: Performance, settlement: Settlement) -> None:
        """To be written with the next group."""
        self._queue.put((performance, settlement))

    def end(self) -> None:
        """Write what was put before, then end the thread."""
        self._queue.put(None)

    def run(self) -> None:
        """What the thread does."""
        again: list[Ended] = []
        while not self._is_ending:
            ended, again = self._gathered(again), []
            for store, group in _grouped(ended, again):
                again += self._settle(store, group)
                store.retire()
        for store in self._motor.stores:
            store.close()

    def _gathered(self, again: list[Ended]) -> list[Ended]:
        """Whatever has ended while the last commit was in flight, behind what could not be written then."""
        gathered = list(again)
        try:
            one = self._queue.get(timeout=AGAIN if again else None)
            while one is not None:
                gathered.append(one)
                if len(gathered) >= len(again) + self._motor.settings.batch:
                    return gathered
                one = self._queue.get_nowait()
            self._is_ending = True
        except Empty:
            pass
        return gathered

    def _settle(self, store: Store, group: Group) -> list[Ended]:
        """Returns what others have locked."""
        batch = [settlement for _, settlement in group.values()]
        try:
            write = lambda: settle(store, batch, self._motor.events, patient=False)  # noqa: E731
            done, locked = persist(store, write, lambda: self._patience(group))
        except BaseException as error:
            self._course.trouble(f"{len(batch)} settlements could not be written: left to their leases", error)
            for performance, _ in group.values():
                self._course.leaves(performance)
            return []
        fresh = self._fresh(store, group, done)
        for id, transition in done.items():
            self._go_on(*group[id], transition, fresh.get(id))
        return [group[settlement.id] for settlement in locked]

    def _patience(self, group: Group) -> float:
        """Until when an outage is waited for: nobody can take a journey over while the database is away."""
        return max(performance.lease_ends_at for performance, _ in group.values()) if self._is_stopping() else inf

    def _fresh(self, store: Store, group: Group, done: dict[JourneyId, Transition | None]) -> dict[JourneyId, Any]:
        """New objects for those whose next step was claimed with the settlement."""
        on = {
            id: Before(group[id][0].journey, t.row, group[id][1].own_after)
            for id, t in done.items() if t and t.row.performed_by == self._name
        }  # fmt: skip
        if not on:
            return {}
        load = lambda ids: store.load_again({id: on[id] for id in ids})  # noqa: E731
        pause = partial(self._pause, store)
        try:
            return persist(store, lambda: each_loaded(store, load, list(on), pause), lambda: self._patience(group))
        except BaseException as error:
            self._course.trouble(f"{len(on)} journeys could not go on: left to their leases", error)
            return {}

    def _pause(self, store: Store, id: JourneyId, error: Exception) -> None:
        self._course.trouble(f"journey {id} can't be read: it is paused", error)
        held: Callable[[Row, datetime], bool] = lambda row, _: row.performed_by == self._name  # noqa: E731
        pause_unreadable(store, id, error, held, self._motor.settings.traceback_limit)

    def _go_on(
        self, performance: Performance, settlement: Settlement, transition: Transition | None, fresh: Any
    ) -> None:
        outcome = settlement.ending.outcome
        try:
            if fresh is not None and transition is not None:
                self._course.runs_on(performance, outcome, transition, fresh)
            else:
                self._course.concludes(performance, outcome, transition)
        except BaseException as error:
            self._course.trouble("a settled performance could not go on", error)
            self._course.leaves(performance)


def _grouped(ended: list[Ended], again: list[Ended]) -> Iterator[tuple[Store, Group]]:
    """By table. Of two performances of one journey (one outlived its lease) the second goes to `again`."""
    groups: dict[Store, Group] = {}
    for performance, settlement in ended:
        group = groups.setdefault(performance.store, {})
        if settlement.id in group:
            again.append((performance, settlement))
        else:
            group[settlement.id] = performance, settlement
    yield from groups.items()
