"""Writing the ends of performances in groups: one bad row never fails its group (DESIGN 8.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeVar

from stepper_motor.journeys.row import Transition
from stepper_motor.motor.events import Event, Events
from stepper_motor.motor.ports import JourneyId, Settled, Settlement, Store
from stepper_motor.motor.waiting import pause_for

PATIENCE = 5.0
"""Seconds for which a write of the app's is tried again while the database is busy."""
T = TypeVar("T")


def settle(store: Store, batch: Sequence[Settlement], events: Events, *, patient: bool) -> Settled:
    """Write the settlements; None for those whose performer no longer held the row.

    What others have locked is waited for if `patient`, else it is not written and said to be locked.

    Raises:
        Exception: a deadlock, a busy database or a lost connection: nothing, or nobody knows what, was written. The
            same settlements may be written again: those that arrived are recognised.
    """
    try:
        done, locked = store.settle(batch)
    except Exception as error:
        if store.is_transient(error) or store.is_disconnect(error):
            raise
        return _without_what_is_refused(store, batch, events, error, patient=patient)
    if not patient:
        return Settled(done, locked)
    for settlement in locked:
        done.update(_settle_patiently(store, settlement, events))
    return Settled(done, [])


def _settle_patiently(store: Store, settlement: Settlement, events: Events) -> dict[JourneyId, Transition | None]:
    try:
        return store.settle([settlement], patient=True).done
    except Exception as error:
        if store.is_transient(error) or store.is_disconnect(error):
            raise
        return _as_failure(store, settlement, events, error, patient=True).done


def _without_what_is_refused(
    store: Store, batch: Sequence[Settlement], events: Events, error: Exception, *, patient: bool
) -> Settled:
    if len(batch) == 1:
        return _as_failure(store, batch[0], events, error, patient=patient)
    middle = len(batch) // 2
    halves = [settle(store, half, events, patient=patient) for half in (batch[:middle], batch[middle:])]
    return Settled({**halves[0].done, **halves[1].done}, [*halves[0].locked, *halves[1].locked])


def _as_failure(store: Store, settlement: Settlement, events: Events, error: Exception, *, patient: bool) -> Settled:
    try:
        # The same object tells of the failure from now on, so that whoever handed it in learns how it really ended.
        if settlement.turned_into_failure(error):
            return settle(store, [settlement], events, patient=patient)
    except Exception as second:
        if store.is_transient(second) or store.is_disconnect(second):
            raise
        error = second
    step, detail = settlement.ending.step, "its settlement can't be written: left to its lease"
    events.tell(Event(name="trouble", journey_id=settlement.id, step=step, error=error, detail=detail))
    return Settled({settlement.id: None}, [])


def retrying(store: Store, write: Callable[[], T]) -> T:
    """Call `write`, again if a deadlock or a busy database undid it; in a transaction of the caller's only once."""
    if not store.may_retry():
        return write()
    patience = monotonic() + PATIENCE
    while True:
        try:
            return write()
        except Exception as error:
            if not store.is_transient(error) or monotonic() >= patience:
                raise
            pause_for(0.001)


def persist(store: Store, write: Callable[[], T], until: Callable[[], float]) -> T:
    """Call `write` until the database takes it, or `until()` (monotonic seconds: a lease) has passed."""
    wait = 0.001
    while True:
        try:
            return write()
        except Exception as error:
            if not (store.is_transient(error) or store.is_disconnect(error)) or monotonic() >= until():
                raise
            store.let_go()
            # A busy SQLite frees itself within milliseconds, a server that restarts takes seconds.
            pause_for(wait)
            wait = min(wait * (1 if store.is_transient(error) else 2), 1.0)
