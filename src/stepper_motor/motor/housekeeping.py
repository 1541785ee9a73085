"""Recover the lost, delete the ended. Batched, paged by key, row by row isolated. SEMANTICS 11."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from stepper_motor.journeys import lifecycle
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.row import OffTheMap, Row, Transition
from stepper_motor.motor import clock
from stepper_motor.motor.events import Event
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.loading import each_loaded, pause_unreadable
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.ports import Expired, NoSuchRow, Store
from stepper_motor.motor.schedulers import Scheduler
from stepper_motor.motor.settling import retrying
from stepper_motor.motor.verbs import loss_of

T = TypeVar("T")


class Housekept(NamedTuple):
    """What a round of housekeeping did, in rows."""

    recovered: int = 0
    deleted: int = 0
    failed: int = 0
    handed_over: int = 0


class _StillAlive(StepperMotorError):
    """The lease was renewed, or somebody settled, since recovery read it."""


@dataclass(slots=True)
class Housekeeper:
    """Keeps the house of one motor. Any number of them may run at once."""

    motor: Motor
    _reported: set[tuple[Any, Any]] = field(default_factory=set, init=False)

    def keep(self) -> Housekept:
        """Everything that there is to do now."""
        recovered, not_recovered = self.recover()
        handed_over = self.sweep()
        deleted, not_deleted = self.delete()
        return Housekept(recovered, deleted, not_recovered + not_deleted, handed_over)

    def sweep(self) -> int:
        """Hand to the queue what came within its horizon and what is overdue; returns how many tickets that was."""
        scheduler = self.motor.scheduler
        if scheduler is None or scheduler.queue.is_eager:
            return 0
        return sum(self._in_each(lambda store: self._sweep_in(store, scheduler)))

    def _sweep_in(self, store: Store, scheduler: Scheduler) -> int:
        """A batch at a time, until there is nothing left, or the queue can't be reached."""
        handed, batch = 0, self.motor.settings.batch
        while ready := retrying(store, partial(store.hand_over, scheduler.horizon, batch)):
            # What is due by the database's time is due, whatever the clock of this machine says.
            count, missed = scheduler.hand_over(self.motor, store, ready, ahead=self.motor.now() - store.now())
            handed += count
            retrying(store, partial(store.take_back, missed))
            if missed or len(ready) < batch:
                break
        return handed

    def recover(self) -> tuple[int, int]:
        """Recover every row whose lease is over; returns how many were, and how many could not be."""
        counts = self._in_each(self._recover_in)
        return sum(done for done, _ in counts), sum(failed for _, failed in counts)

    def delete(self) -> tuple[int, int]:
        """Delete ended journeys whose time has come, and their history; returns how many, and how many could not be."""
        if self.motor.scheduler is not None:
            self._in_each(lambda store: store.forget_tickets())
        counts = self._in_each(self._delete_in)
        return sum(done for done, _ in counts), sum(failed for _, failed in counts)

    def _in_each(self, keep: Callable[[Store], T]) -> list[T]:
        """In each table, whatever is wrong with another. Raises what was, at the end."""
        kept: list[T] = []
        failure: Exception | None = None
        for store in self.motor.stores:
            try:
                kept.append(keep(store))
            except Exception as error:
                store.let_go()
                failure = error
        if failure:
            raise failure
        return kept

    def _recover_in(self, store: Store) -> tuple[int, int]:
        done = failed = 0
        after: Any = None
        while batch := store.expired(self.motor.settings.batch, after):
            after = batch[-1].id
            by_id = {expired.id: expired for expired in batch}
            unreadable: dict[Any, Exception] = {}
            journeys = each_loaded(store, store.load, list(by_id), unreadable.__setitem__)
            for expired in batch:
                try:
                    if expired.id in journeys:
                        done += self._recover(store, journeys[expired.id], expired)
                    elif expired.id in unreadable:
                        done += self._pause(store, expired, unreadable[expired.id])
                except Exception as error:
                    if not store.is_transient(error):
                        failed += 1
                        self._report(store, expired, error)
            if len(batch) < self.motor.settings.batch:
                break
        return done, failed

    def _recover(self, store: Store, journey: Any, expired: Expired) -> bool:
        loss = loss_of(journey, self.motor.settings)
        unknown = isinstance(loss.destination, OffTheMap) and expired.next_step_name is not None
        grace = self.motor.settings.unknown_step_grace

        def decide(row: Row, now: datetime) -> Transition:
            if row.fence != expired.fence or not row.held or not row.lapsed(now - grace if unknown else now):
                raise _StillAlive
            return lifecycle.recover(row, loss, now, new_fence())

        try:
            # What others have locked is left for the next round: no recovery waits behind an app's transaction.
            transition = store.change(expired.id, decide, wait=False)
        except (_StillAlive, NoSuchRow):
            return False
        journey._refresh(transition.row)
        self.motor.intervened(store, journey, transition)
        return True

    def _pause(self, store: Store, expired: Expired, error: Exception) -> bool:
        def lost(row: Row, now: datetime) -> bool:
            return row.fence == expired.fence and row.lapsed(now)

        paused = pause_unreadable(store, expired.id, error, lost, self.motor.settings.traceback_limit)
        if paused:
            self._tell(expired, "can't be read: it is paused", error)
        return paused

    def _report(self, store: Store, expired: Expired, error: Exception) -> None:
        """Once for each loss: it is tried again in every round."""
        if store.is_disconnect(error):
            raise error
        if (expired.id, expired.fence) not in self._reported:
            self._reported.add((expired.id, expired.fence))
            self._tell(expired, "could not be recovered; tried again in every round", error)

    def _tell(self, expired: Expired, detail: str, error: Exception) -> None:
        self.motor.events.tell(
            Event(name="trouble", journey_type=expired.type, journey_id=expired.id, detail=detail, error=error)
        )

    def _delete_in(self, store: Store) -> tuple[int, int]:
        done = failed = 0
        for kept_for, types in store.registry.retentions(self.motor.settings.delete_completed_after).items():
            try:
                before, after = clock.now() - kept_for, None
            except OverflowError:  # kept for longer than there is time
                continue
            while batch := store.ended(types, before, self.motor.settings.batch, after):
                after = batch[-1]
                deleted, not_deleted = self._delete(store, batch, before)
                done, failed = done + deleted, failed + not_deleted
        return done, failed

    def _delete(self, store: Store, ids: Sequence[Any], before: datetime) -> tuple[int, int]:
        """One that the database keeps, since something refers to it, keeps no other: halve, down to that one."""
        try:
            return store.delete_ended(ids, before), 0
        except Exception as error:
            if store.is_transient(error) or store.is_disconnect(error):
                raise
            if len(ids) == 1:
                self._report_undeleted(store, ids[0], error)
                return 0, 1
        middle = len(ids) // 2
        first, second = (self._delete(store, half, before) for half in (ids[:middle], ids[middle:]))
        return first[0] + second[0], first[1] + second[1]

    def _report_undeleted(self, store: Store, id: Any, error: Exception) -> None:
        if (id, store) not in self._reported:
            self._reported.add((id, store))
            detail = "could not be deleted; tried again in every round"
            self.motor.events.tell(Event(name="trouble", journey_id=id, detail=detail, error=error))
