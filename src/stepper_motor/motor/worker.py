"""The built-in worker: polls the due index, performs in threads and on an event loop, settles in groups.

    the main thread   claims in batches, hands each row to a performer, sleeps until something is due
    performers        threads that run the sync parts: conditions, hooks, sync bodies
    the event loop    one thread that awaits async bodies, hundreds at once
    the settler       one thread that writes whatever has ended since its last commit (group commit, no timer)
    the heartbeat     renews the leases of everything that is held
    the housekeeper   recovers the lost, deletes the ended

A row is held from its claim to the commit of its settlement. Nothing here decides about a row: it moves work.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Generator, Iterable
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from stepper_motor.journeys.calling import enveloped
from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.journeys.row import Transition
from stepper_motor.motor import clock
from stepper_motor.motor.events import Event
from stepper_motor.motor.heartbeat import Heartbeat
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.loop import LoopThread
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.performance import Performance, Superseded
from stepper_motor.motor.ports import Kind, Settlement, Store
from stepper_motor.motor.settling import persist, settle
from stepper_motor.motor.worker_name import worker_name

A_FEW = 2
"""Rows claimed beyond the free threads, so that none of them waits for the next claim."""
AHEAD = 0.25
"""Seconds of work that may be claimed ahead, where steps are short."""


@dataclass(slots=True)
class Job:
    """A performance, and how far it has got."""

    performance: Performance
    course: Generator[Awaitable[Any], Any, Settlement | Transition | None] | None = None
    answer: tuple[bool, Any] = (True, None)
    """Whether what was awaited succeeded, and its result or exception."""


class Worker:
    """Performs the journeys of a motor until it is told to stop."""

    def __init__(
        self, motor: Motor, *, concurrency: int | None = None, async_concurrency: int | None = None
    ) -> None:
        self.motor = motor
        self.name = worker_name()
        self.concurrency = concurrency or motor.settings.concurrency
        self.async_concurrency = async_concurrency or motor.settings.async_concurrency
        self._held: dict[tuple[int, Any], Performance] = {}
        self._jobs: SimpleQueue[Job | tuple[Any, ...] | None] = SimpleQueue()
        self._settlements: SimpleQueue[tuple[Performance, Settlement] | None] = SimpleQueue()
        self._awaiting: set[Performance] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._step_seconds = 0.01
        """How long a step has taken of late: decides how much is claimed ahead."""
        self._loop = LoopThread()
        self._heartbeat = Heartbeat(self.held, motor.events)
        self._housekeeper = Housekeeper(motor)
        self._front: dict[int, tuple[datetime, float]] = {}

    def held(self) -> list[Performance]:
        return list(self._held.values())

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
        """Work until `stop()`; with `once`, until nothing is due."""
        self._tell("worker_started", count=self.concurrency)
        performers = [self._thread(self._perform_jobs, f"performer {n + 1}") for n in range(self.concurrency)]
        settler = self._thread(self._settle_all, "settler")
        keeper = self._thread(self._keep_house, "housekeeper")
        self._heartbeat.start()
        try:
            with self.motor.waking(self.wake):
                self._claim_until_stopped(once)
        finally:
            self._wind_up(performers, settler, keeper)
            self._tell("worker_stopped")

    def _claim_until_stopped(self, once: bool) -> None:
        trouble = 0.0
        while not self.is_stopping:
            self._wake.clear()
            try:
                claimed = self._claim()
                due_in = 0.0 if claimed else self._until_due()
                trouble = 0.0
            except Exception as error:
                trouble = min(max(trouble * 2, 0.1), 1.0)
                self._trouble("could not look for due journeys", error, trouble)
                claimed, due_in = 0, trouble
            if once and not claimed and not self._held and due_in > 0 and not trouble:
                return
            if not claimed:
                self._wake.wait(min(due_in, 0.05) if once else due_in)

    def _wind_up(self, performers: list[threading.Thread], settler: threading.Thread, keeper: threading.Thread) -> None:
        self._stopping.set()
        self._hand_back_what_waits()
        grace_ends = monotonic() + self.motor.settings.stop_grace.total_seconds()
        self._drain(until=grace_ends)
        self._loop.cancel_all()
        self._drain(until=monotonic() + 2.0)
        for _ in performers:
            self._jobs.put(None)
        self._settlements.put(None)
        for thread in (*performers, settler, keeper):
            thread.join(timeout=max(0.0, 1.0 if self._held else 5.0))
        self._heartbeat.stop()
        self._loop.stop()

    def _drain(self, until: float) -> None:
        while self._held and monotonic() < until:
            self._wake.clear()
            if self._held:
                self._wake.wait(min(0.1, max(until - monotonic(), 0.0)))

    # ------------------------------------------------------------------------------------------- claiming

    def _claim(self) -> int:
        claimed = 0
        for store in self.motor.stores:
            for kind, room in self._rooms(store):
                claimed += self._claim_from(store, kind, room)
        return claimed

    def _rooms(self, store: Store) -> Iterable[tuple[Kind, int]]:
        """How many rows of which kind may be claimed now."""
        awaiting = len(self._awaiting)
        ahead = int(self.concurrency * AHEAD / max(self._step_seconds, 1e-6))
        batch = self.motor.settings.batch
        most = min(max(self.concurrency + A_FEW, ahead), 2 * batch)
        for_threads = min(most - (len(self._held) - awaiting), batch)
        if not store.registry.has_async_steps:
            return [("any", for_threads)] if for_threads > 0 else []
        for_loop = min(self.async_concurrency - awaiting, batch)
        rooms: list[tuple[Kind, int]] = [("async", for_loop), ("sync", for_threads)]
        return [(kind, room) for kind, room in rooms if room > 0]

    def _claim_from(self, store: Store, kind: Kind, room: int) -> int:
        sent_at = monotonic()
        claims = store.claim_due(room, self.name, self._low_water(store, kind), kind)
        if not claims:
            self._front.pop(id(store), None)
            return 0
        if kind != "async":
            self._front[id(store)] = (claims[0].due, self._front.get(id(store), (None, sent_at))[1])
        journeys = store.load([claim.id for claim in claims])
        for claim in claims:
            journey = journeys.get(claim.id)
            if journey is not None:
                performance = Performance(
                    journey, store, self.name, self.motor.settings, claimed_now=claim.now,
                    is_stopping=self._stopping.is_set,
                )  # fmt: skip
                performance.lease_ends_at -= monotonic() - sent_at
                self._begin(performance)
        return len(claims)

    def _low_water(self, store: Store, kind: Kind) -> datetime | None:
        """While batches come in full, begin where the last one began: what lies before it is dead or not for us.

        At least once a second the whole index is looked at, so that a row put back in front is found.
        """
        due, since = self._front.get(id(store), (None, 0.0))
        if due is None or kind == "async" or monotonic() - since > 1.0:
            self._front.pop(id(store), None)
            return None
        return due

    def _begin(self, performance: Performance) -> None:
        self._held[id(performance.store), performance.id] = performance
        if performance.step is not None and performance.step.is_async:
            self._awaiting.add(performance)
        self._jobs.put(Job(performance))

    def _until_due(self) -> float:
        """Real seconds until the next row is due, at most the poll interval."""
        soonest = self.motor.settings.poll_interval.total_seconds()
        for store in self.motor.stores:
            due = store.next_due_at()
            if due is not None:
                soonest = min(soonest, (due - store.now()).total_seconds() / clock.installed().speed)
        return max(soonest, 0.0 if len(self._held) < self.concurrency else 0.01)

    # ----------------------------------------------------------------------------------------- performing

    def _perform_jobs(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if isinstance(job, Job):
                    self._advance(job)
                else:
                    job[0](*job[1:])
            except BaseException as error:
                self._trouble("a performer met an error of the library", error)
                if isinstance(job, Job):
                    self._release(job.performance)
        for store in self.motor.stores:
            store.close()

    def _advance(self, job: Job) -> None:
        """Run a performance until it ends or has to await something."""
        performance = job.performance
        began = monotonic()
        if job.course is None:
            if performance.is_gone:
                return self._lose(performance)
            job.course = performance.conduct()
        succeeded, answer = job.answer
        try:
            awaitable = job.course.send(answer) if succeeded else job.course.throw(enveloped(answer))
        except StopIteration as stop:
            self._ended(performance, stop.value)
        except Superseded as superseded:
            self.motor.superseded(performance, superseded)
            self._release(performance)
        else:
            self._loop.run(performance.store.awaited(awaitable), lambda answer: self._answered(job, answer))
        self._step_seconds += (monotonic() - began - self._step_seconds) * 0.05

    def _answered(self, job: Job, answer: tuple[bool, Any]) -> None:
        job.answer = answer
        self._jobs.put(job)

    def _ended(self, performance: Performance, result: Settlement | Transition | None) -> None:
        if result is None:
            return self._release(performance)
        if isinstance(result, Settlement):
            if self._may_run_on(performance):
                result.run_on_lease = result.now + performance.lease * clock.installed().speed
            return self._settlements.put((performance, result))
        assert performance.in_doubt is not None
        self._conclude(performance, performance.in_doubt.ending.outcome, result)
        return None

    def _may_run_on(self, performance: Performance) -> bool:
        in_a_row = performance.steps_in_a_row + 1 < self.motor.settings.run_on_steps
        recent = monotonic() - performance.claimed_at < 1.0
        return in_a_row and recent and not self.is_stopping

    def _lose(self, performance: Performance) -> None:
        self.motor.superseded(performance)
        self._release(performance)

    def _release(self, performance: Performance) -> None:
        self._held.pop((id(performance.store), performance.id), None)
        self._awaiting.discard(performance)
        self._wake.set()

    # ------------------------------------------------------------------------------------------- settling

    def _settle_all(self) -> None:
        while (first := self._settlements.get()) is not None:
            groups: dict[Store, dict[Any, tuple[Performance, Settlement]]] = {}
            for performance, settlement in self._gathered(first):
                groups.setdefault(performance.store, {})[settlement.id] = (performance, settlement)
            for store, group in groups.items():
                self._settle_group(store, group)
        for store in self.motor.stores:
            store.close()

    def _gathered(self, first: tuple[Performance, Settlement]) -> list[tuple[Performance, Settlement]]:
        """Whatever has ended while the last commit was in flight."""
        gathered = [first]
        while len(gathered) < self.motor.settings.batch:
            try:
                more = self._settlements.get_nowait()
            except Empty:
                break
            if more is None:
                self._settlements.put(None)
                break
            gathered.append(more)
        return gathered

    def _settle_group(self, store: Store, group: dict[Any, tuple[Performance, Settlement]]) -> None:
        batch = [settlement for _, settlement in group.values()]
        leases_end = lambda: max(performance.lease_ends_at for performance, _ in group.values())  # noqa: E731
        try:
            results = persist(store, lambda: settle(store, batch, self.motor.events), leases_end)
            kept = {id: t.row for id, t in results.items() if t and t.row.performed_by == self.name}
            fresh = store.load_again({id: (group[id][0].journey, row) for id, row in kept.items()}) if kept else {}
        except Exception as error:
            self._trouble(f"{len(batch)} settlements could not be written: left to their leases", error)
            for performance, _ in group.values():
                self._release(performance)
            return
        for id, (performance, settlement) in group.items():
            transition = results.get(id)
            if id in fresh and transition is not None:
                self._run_on(performance, settlement, transition, fresh[id])
            else:
                self._conclude(performance, settlement.ending.outcome, transition)

    def _run_on(self, performance: Performance, settlement: Settlement, transition: Transition, fresh: Any) -> None:
        self.motor.tell_performed(performance, settlement.ending.outcome, transition)
        lease = performance.lease.total_seconds()
        performance.next_step(fresh)
        performance.lease_ends_at = max(performance.lease_ends_at, performance.loaded_at + lease)
        if performance.step is not None and performance.step.is_async:
            self._awaiting.add(performance)
        else:
            self._awaiting.discard(performance)
        self._jobs.put(Job(performance))

    def _conclude(self, performance: Performance, outcome: Outcome, transition: Transition | None) -> None:
        has_hook = transition is not None and bool(performance.journey.definition.has_hooks)
        if has_hook and threading.current_thread().name.endswith("settler"):
            # The app's own code runs in a performer, never in the thread that everybody's settlements go through.
            return self._jobs.put((self._conclude, performance, outcome, transition))
        try:
            self.motor.conclude(performance, outcome, transition)
        finally:
            self._release(performance)
        return None

    # ----------------------------------------------------------------------------------- keeping and stopping

    def _keep_house(self) -> None:
        lease = min([self.motor.settings.lease, *(x for s in self.motor.stores for x in s.registry.leases().values())])
        interval = min(self.motor.settings.recovery_interval, lease / 3).total_seconds()
        delete_at = monotonic()
        while not self._stopping.wait(interval):
            try:
                self._heartbeat.beat()  # a worker that slept renews its own before it recovers others
                self._housekeeper.recover()
                if monotonic() >= delete_at:
                    self._housekeeper.delete()
                    delete_at = monotonic() + self.motor.settings.deletion_interval.total_seconds()
            except Exception as error:
                self._trouble("housekeeping failed, it is tried again", error)
        for store in self.motor.stores:
            store.close()

    def _hand_back_what_waits(self) -> None:
        """What was claimed and not begun becomes ready again, at once and for everybody."""
        waiting: dict[Store, list[Performance]] = {}
        others = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if isinstance(job, Job) and job.course is None and job.performance.steps_in_a_row == 0:
                waiting.setdefault(job.performance.store, []).append(job.performance)
            else:
                others.append(job)
        for job in others:
            self._jobs.put(job)
        for store, performances in waiting.items():
            self._hand_back(store, performances)

    def _hand_back(self, store: Store, performances: list[Performance]) -> None:
        try:
            store.hand_back([performance.holding for performance in performances], self.name)
            store.on_commit(store.notify)
        except Exception as error:
            self._trouble(f"{len(performances)} claims could not be handed back: left to their leases", error)
        for performance in performances:
            self._release(performance)

    def _trouble(self, detail: str, error: BaseException, wait: float = 0.0) -> None:
        for store in self.motor.stores:
            store.let_go()
        retry = f", again in {wait:g} s" if wait else ""
        self._tell("trouble", detail=detail + retry, error=error)

    def _tell(self, name: str, **parts: Any) -> None:
        self.motor.events.tell(Event(name=name, worker=self.name, **parts))

    def _thread(self, target: Any, name: str) -> threading.Thread:
        thread = threading.Thread(target=target, name=f"stepper_motor {name}", daemon=True)
        thread.start()
        return thread


