"""Claim, run and settle here and now, in the caller's thread: by hand, and for a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.journeys.row import Row, State, Transition
from stepper_motor.motor.attempt import drive
from stepper_motor.motor.performance import Performance, Superseded
from stepper_motor.motor.ports import Before, Claim, Settlement, Store
from stepper_motor.motor.settling import persist, retrying, settle
from stepper_motor.motor.worker_name import worker_name

if TYPE_CHECKING:
    from stepper_motor.motor.motor import Motor


def claimed(motor: Motor, store: Store, id: Any, fence: str | None) -> Performance | None:
    """Take this journey, if it is due and (where a fence is given) still has that fence.

    Raises:
        TypeError: a fence is a text.
    """
    if fence is not None and not isinstance(fence, str):
        raise TypeError(f"fence must be a text, that of a journey's `fence`, got {fence!r}")
    name = worker_name()
    at_once = retrying(store, lambda: store.claim_at_once(id, fence, name)) if fence else None
    claim, journey = at_once or (_claim_if_performable(motor, store, id, fence, name), None)
    if claim and journey is None:
        journey = store.load([id]).get(id)
    if claim is None or journey is None:
        return None
    return Performance(journey, store, name, motor.settings, claimed_now=claim.now)


def _claim_if_performable(motor: Motor, store: Store, id: Any, fence: str | None, name: str) -> Claim | None:
    """Looks before it locks: what is early, out of date or unknown waits for nobody."""
    loaded = store.load([id]).get(id)
    if loaded is None or store.registry.find(loaded.definition.type_name) is not type(loaded):
        return None
    if not _is_to_be_claimed(motor, store, loaded._row, fence) or not _knows_its_step(motor, loaded):
        return None
    return retrying(store, lambda: store.claim(id, fence, name))


def _is_to_be_claimed(motor: Motor, store: Store, row: Row, fence: str | None) -> bool:
    due = row.next_step_to_be_performed_at
    if row.state is not State.READY or due is None or fence not in (None, row.fence):
        return False
    return due <= motor.now() or due <= store.now()  # by the database's time, where this machine's is behind


def _knows_its_step(motor: Motor, journey: JourneyBase[Any]) -> bool:
    """A step this code does not know is left to newer processes, until the grace has passed (SEMANTICS 6)."""
    row: Row = journey._row
    name, due = row.next_step_name, row.next_step_to_be_performed_at
    if name is None or journey.steps.find(name) or due is None:
        return True
    return due <= motor.now() - motor.settings.unknown_step_grace


def perform(motor: Motor, performance: Performance, *, run_on: bool = False) -> Outcome | None:
    """See `Motor.perform`."""
    performance.goes_on = run_on
    while (ended := _ended(motor, performance)) is not None:
        settlement, transition = ended
        outcome = settlement.ending.outcome  # a failure, where the database refused it
        if transition is None or transition.row.performed_by != performance.holder:
            return motor.conclude(performance, outcome, transition)
        # The settlement claimed the following step as well.
        motor.tell_performed(performance, outcome, transition)
        before = Before(performance.journey, transition.row, settlement.own_after)
        fresh = performance.store.load_again({performance.id: before}).get(performance.id)
        if fresh is None:
            return outcome
        performance.next_step(fresh)
    return None


def _ended(motor: Motor, performance: Performance) -> tuple[Settlement, Transition | None] | None:
    """Run one step, and write how it ended; None: it was not ours any more, or was given back."""
    store = performance.store
    try:
        result = drive(performance.conduct(), store.wait_here)
    except Superseded as superseded:
        motor.superseded(performance, superseded)
        return None
    if isinstance(result, Settlement):
        settlement = result
        if performance.may_go_on(settlement):
            performance.claim_next_with(settlement)
        write = lambda: settle(store, [settlement], motor.events, patient=True)  # noqa: E731
        done = persist(store, write, lambda: performance.lease_ends_at).done
        return settlement, done.get(settlement.id)
    if result is None or performance.in_doubt is None:
        motor.gave_back(performance)
        return None
    return performance.in_doubt, result
