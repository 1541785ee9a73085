"""The built-in worker: polls the due index, performs in threads and on an event loop, settles in groups.

    the main thread   claims in batches, hands each row to a performer, sleeps until something is due
    performers        threads that run the sync parts: conditions, hooks, sync bodies
    the event loop    one thread that awaits async bodies, hundreds at once
    the settler       one thread that writes whatever has ended since its last commit (group commit, no timer)
    the heartbeat     renews the leases of everything that is held
    the housekeeper   recovers the lost, deletes the ended
    the sweeper       where there is a queue, hands it what it has to have: its broker may be away

A row is held from its claim to the commit of its settlement. Nothing here decides about a row: it moves work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

from stepper_motor.motor.claiming import Claimer
from stepper_motor.motor.events import Event
from stepper_motor.motor.heartbeat import Heartbeat
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.pace import Pace
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.ports import Store
from stepper_motor.motor.threads import started
from stepper_motor.motor.work import Work
from stepper_motor.motor.worker_name import worker_name

LAST_SECONDS = 2.0
"""What async steps that were interrupted at the end of the grace have to clean up, and all threads to end."""
LAST_MOMENT = 0.5
"""The same, when steps run that can't be stopped: their threads won't end."""
LISTENS = 1.0
"""Seconds within which a worker that has nothing else to do hears of a signal."""
ONCE = 0.05
"""Seconds between two looks of a worker that is to stop when nothing is due any more."""


class Worker:
    """Performs the journeys of a motor until it is told to stop. It runs once."""

    def __init__(
        self, motor: Motor, *, concurrency: int | None = None, async_concurrency: int | None = None,
        dispatch_only: bool = False,
    ) -> None:  # fmt: skip
        self.motor = motor
        self.dispatch_only = dispatch_only
        """Keep the house and hand tickets to the queue, and leave the steps to that."""
        self.name = worker_name()
        self.concurrency = concurrency or motor.settings.concurrency
        self.async_concurrency = async_concurrency or motor.settings.async_concurrency
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._pace = Pace(motor.settings, self.concurrency, self.async_concurrency)
        self._work = Work(motor, self.name, self._pace, is_stopping=self._stopping.is_set, freed=self.wake)
        self._claimers: dict[Store, Claimer] = {}
        self._housekeeper = Housekeeper(motor)
        self._heartbeat = Heartbeat(self.held, motor.events, longest=self._third_of_a_lease() / 2)

    def held(self) -> list[Performance]:
        return self._work.held

    def stop(self) -> None:
        """Claim nothing new; `run` then lets running steps end within the grace and returns. From any thread."""
        self._stopping.set()
        self._wake.set()

    def wake(self) -> None:
        """Look for due journeys at once. From any thread."""
        self._wake.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    # ----------------------------------------------------------------------------------------- the course

    def run(self, *, once: bool = False) -> None:
        """Work until `stop()`; with `once`, keep the house and perform until nothing is due."""
        self._tell("worker_started", count=self.concurrency)
        self._work.start()
        self._heartbeat.start()
        kept = threading.Event()
        keeper = started(lambda: self._keep_house(once, kept), "housekeeper")
        try:
            with self._beside_a_queue(once), self._winding_up(keeper), self.motor.waking(self.wake):
                kept.wait()
                if self.dispatch_only:
                    self._wait_to_be_stopped(once)
                else:
                    self._claim_until_stopped(once)
        finally:
            self._tell("worker_stopped")

    def _wait_to_be_stopped(self, once: bool) -> None:
        # Not without an end: Python hears of a signal that another thread received only when this one is awake.
        while not once and not self._stopping.wait(LISTENS):
            pass

    def _claim_until_stopped(self, once: bool) -> None:
        poll = self.motor.settings.poll_interval.total_seconds()
        due_in = fruitless = 0.0
        while not self.is_stopping:
            self._wake.clear()
            if self._pace.is_too_much(self._work.longest_wait):
                self._work.hand_back()
            at_rest = not self.held()  # asked before looking: what ends meanwhile may make something due
            claimed = self._claim() if due_in <= 0.0 else None
            if not (claimed and self._pace.wants_hands):
                due_in = self._until_due(poll)
            if due_in <= 0.0 and claimed != 0:
                fruitless = 0.0
                continue
            if once and at_rest and not claimed and due_in > 0.0 and not self._is_troubled():
                return
            # What is due and could not be claimed waits for a free thread, or for another's lock.
            fruitless = 0.0 if due_in > 0.0 else min(max(fruitless * 2, 0.01), poll)
            pause = due_in or fruitless
            if self._wake.wait(min(pause, ONCE) if once else pause) or due_in < poll:
                due_in = 0.0

    @contextmanager
    def _winding_up(self, keeper: threading.Thread) -> Iterator[None]:
        try:
            yield
        finally:
            self._wind_up(keeper)

    def _wind_up(self, keeper: threading.Thread) -> None:
        self._stopping.set()
        self._tell("worker_stopping", count=len(self.held()))
        self._drain(self.motor.settings.stop_grace.total_seconds(), lambda: len(self.held()))
        self._work.cancel_awaited()
        self._drain(LAST_SECONDS, lambda: self._work.awaited)
        ends = monotonic() + (LAST_MOMENT if self.held() else LAST_SECONDS)
        self._work.end(until=ends)
        for performance in self.held():
            self._tell(
                "trouble", journey_type=performance.journey.definition.type_name, journey_id=performance.id,
                step=performance.step_name, detail="not settled within the grace of the stop: left to its lease",
            )  # fmt: skip
        keeper.join(max(ends - monotonic(), 0.0))
        self._heartbeat.stop()

    def _drain(self, seconds: float, running: Callable[[], int]) -> None:
        """Let what is running end, but not longer than that; hand back whatever waits."""
        until = monotonic() + seconds
        while running():
            self._wake.clear()
            self._work.hand_back()
            left = until - monotonic()
            if left <= 0.0 or not running():
                return
            self._wake.wait(min(0.1, left))

    # ------------------------------------------------------------------------------------------- claiming

    def _claim(self) -> int:
        """Claim and hand out; returns how many."""
        self._pace.wants_hands = False
        return sum(self._claim_from(claimer) for claimer in self._all_claimers() if not claimer.is_troubled)

    def _claim_from(self, claimer: Claimer) -> int:
        count = 0
        for kind, room in self._pace.rooms(claimer.store, self._work.in_threads, self._work.awaited):
            claimed = claimer.claim(kind, room)
            for performance in claimed:
                self._work.begin(performance)
            self._pace.wants_hands |= len(claimed) >= room
            count += len(claimed)
        return count

    def _until_due(self, poll: float) -> float:
        """Real seconds until there is something to claim, at most the poll interval."""
        return min((claimer.until_due() for claimer in self._all_claimers()), default=poll)

    def _is_troubled(self) -> bool:
        return any(claimer.is_troubled for claimer in self._claimers.values())

    def _all_claimers(self) -> Iterator[Claimer]:
        for store in self.motor.stores:
            if store not in self._claimers:
                self._claimers[store] = Claimer(
                    store, self.name, self.motor.settings, is_stopping=self._stopping.is_set,
                    knows=self._work.knows, trouble=self._work.trouble,
                )  # fmt: skip
            yield self._claimers[store]

    # ------------------------------------------------------------------------------------------- the house

    def _keep_house(self, at_once: bool, kept: threading.Event) -> None:
        interval = self._recovery_interval()
        deleting = Every(self.motor.settings.deletion_interval)
        if at_once:
            self._keep(deleting)
            self._sweep()
        kept.set()
        while not self._stopping.wait(interval):
            self._keep(deleting)
        self._work.close()

    @contextmanager
    def _beside_a_queue(self, once: bool) -> Iterator[None]:
        scheduler = self.motor.scheduler
        if scheduler is None:
            yield
            return
        sweeper = None if once else started(self._keep_sweeping, "sweeper")
        with scheduler.beside_a_worker(self._work.close):
            yield
        if sweeper:
            sweeper.join(LAST_MOMENT)

    def _keep_sweeping(self) -> None:
        interval = self._sweep_interval().total_seconds()
        pause = min(interval, self._recovery_interval())
        while not self._stopping.wait(pause):
            self._sweep()
            pause = interval
        self._work.close()

    def _sweep(self) -> None:
        try:
            self._work.retire()
            self._housekeeper.sweep()
        except BaseException as error:  # a listener of the app's may raise anything
            self._work.trouble("the sweep failed, it is tried again", error)

    def _recovery_interval(self) -> float:
        return min(self.motor.settings.recovery_interval.total_seconds(), self._third_of_a_lease())

    def _sweep_interval(self) -> timedelta:
        scheduler = self.motor.scheduler
        return getattr(scheduler, "cycle_duration", self.motor.settings.sweep_interval)

    def _keep(self, deleting: Every) -> None:
        """One round."""
        try:
            self._work.retire()
            self._heartbeat.beat()  # a worker that slept renews its own before it recovers others
            self._housekeeper.recover()
            if deleting.is_due():
                self._housekeeper.delete()
        except BaseException as error:  # a hook of the app's may raise anything
            self._work.trouble("housekeeping failed, it is tried again", error)
            # After an outage the others are given time to renew and to settle, before they are taken for dead.
            self._stopping.wait(self._third_of_a_lease())

    def _third_of_a_lease(self) -> float:
        """Seconds: of the shortest there is."""
        own = [lease for store in self.motor.stores for lease in store.registry.leases().values()]
        return min([self.motor.settings.lease, *own]).total_seconds() / 3

    def _tell(self, name: str, **parts: Any) -> None:
        self.motor.events.tell(Event(name=name, worker=self.name, **parts))


class Every:
    """Says when something that is done at intervals is due again."""

    def __init__(self, interval: timedelta) -> None:
        self.seconds = interval.total_seconds()
        self._at = monotonic()

    def is_due(self) -> bool:
        """Whether it is, for the first time or since it was done last; it counts as done now."""
        if monotonic() < self._at:
            return False
        self._at = monotonic() + self.seconds
        return True
