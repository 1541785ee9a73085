"""Writing the ends of performances in groups: one bad row never fails its group (DESIGN 8.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeVar

from stepper_motor.journeys.row import Transition
from stepper_motor.motor.events import Event, Events
from stepper_motor.motor.ports import JourneyId, Settlement, Store
from stepper_motor.motor.waiting import pause_for

Results = dict[JourneyId, Transition | None]
T = TypeVar("T")


def settle(store: Store, batch: Sequence[Settlement], events: Events) -> Results:
    """Write the settlements; None for those whose performer no longer held the row.

    Raises:
        Exception: a deadlock, a busy database or a lost connection: nothing, or nobody knows what, was written. The
            same settlements may be written again: those that arrived are recognised.
    """
    if not batch:
        return {}
    try:
        done, locked = store.settle(batch)
    except Exception as error:
        if store.is_transient(error) or store.is_disconnect(error):
            raise
        return _in_halves(store, batch, events, error)
    for settlement in locked:
        done.update(_alone(store, settlement, events))
    return done


def _in_halves(store: Store, batch: Sequence[Settlement], events: Events, error: Exception) -> Results:
    if len(batch) == 1:
        return _without_what_is_refused(store, batch[0], events, error)
    middle = len(batch) // 2
    return {**settle(store, batch[:middle], events), **settle(store, batch[middle:], events)}


def _alone(store: Store, settlement: Settlement, events: Events) -> Results:
    try:
        return store.settle([settlement], patient=True).done
    except Exception as error:
        if store.is_transient(error) or store.is_disconnect(error):
            raise
        return _without_what_is_refused(store, settlement, events, error)


def _without_what_is_refused(store: Store, settlement: Settlement, events: Events, error: Exception) -> Results:
    if settlement.as_failure is None:
        step = settlement.ending.step
        detail = "its settlement can't be written: left to its lease"
        events.tell(Event(name="trouble", journey_id=settlement.id, step=step, error=error, detail=detail))
        return {settlement.id: None}
    return _alone(store, settlement.as_failure(error), events)


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
