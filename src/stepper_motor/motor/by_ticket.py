"""What a ticket comes to: the step that it is for, performed; or a quiet word about why there was nothing to do."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from stepper_motor.journeys.outcomes import Failed, Outcome
from stepper_motor.journeys.row import Row, State
from stepper_motor.motor import clock
from stepper_motor.motor.events import Event
from stepper_motor.motor.marks import real
from stepper_motor.motor.ports import JourneyId, Store
from stepper_motor.motor.settling import retrying
from stepper_motor.motor.ticket import Ticket, UnreadableTicket
from stepper_motor.motor.waiting import pause_for

if TYPE_CHECKING:
    from stepper_motor.motor.motor import Motor

A_MOMENT = timedelta(seconds=1)
"""A ticket that is so little early is kept until its time: clocks differ by milliseconds, some queues count seconds."""


def perform(motor: Motor, text: str) -> Outcome | None:
    """See `Motor.perform_ticket`."""
    try:
        ticket = Ticket.read(text)
    except UnreadableTicket as error:
        _ignored(motor, str(error))
        return None
    store = motor.store_of_ticket(ticket.table)
    id = store.id_of(ticket.id) if store else None
    if store is None or id is None:
        _ignored(motor, f"there is no journey {ticket.id!r} in a table {ticket.table!r} here")
        return None
    try:
        outcome = _performed(motor, store, id, ticket.fence)
    except Exception:
        store.let_go()  # a broken connection must not fail the next ticket of this thread as well
        raise
    if isinstance(outcome, Failed) and motor.scheduler is not None and motor.scheduler.reraise:
        raise outcome.error
    return outcome


def _performed(motor: Motor, store: Store, id: JourneyId, fence: str) -> Outcome | None:
    attempt = partial(motor.attempt_in, store, id, fence, run_on=True)
    outcome = attempt()
    if outcome is None and _waited_for(store, id, fence):
        outcome = attempt()
    if outcome is None:
        _explain(motor, store, id, fence)
    return outcome


def _waited_for(store: Store, id: JourneyId, fence: str) -> bool:
    """Whether its time has come now: it was due within a moment, or has just become so."""
    due = _due(store.load([id]).get(id), fence)
    early = None if due is None else due - store.now()
    if early is None or early > real(A_MOMENT):
        return False
    pause_for(max(early.total_seconds() / clock.installed().speed, 0.0))
    return True


def _explain(motor: Motor, store: Store, id: JourneyId, fence: str) -> None:
    """Nothing was performed: say why. A ticket that came early is handed over again."""
    journey = store.load([id]).get(id)
    if journey is None:
        return _ignored(motor, f"journey {id} is gone", id)
    due, type_name = _due(journey, fence), journey.definition.type_name
    if due is None:
        return _ignored(motor, f"it is out of date: the journey {_stands(journey._row)}", id, type_name)
    now = store.now()
    if due <= now:
        return _ignored(motor, f"{_unknown(store, journey)}: left to a process that knows it", id, type_name)
    _tell(motor, "ticket_early", f"it is for {due:%Y-%m-%d %H:%M:%S} UTC", id, type_name)
    return _hand_over_again(motor, store, id, fence, due, now)


def _stands(row: Row) -> str:
    if row.state is State.READY:
        return f"has moved on, and is ready for {row.next_step_name!r}"
    return f"is {row.state}"


def _unknown(store: Store, journey: Any) -> str:
    type_name = journey._unknown_type or journey.definition.type_name
    if store.registry.find(type_name) is None:
        return f"the type {type_name!r} is not known to this code (is its module imported here?)"
    return f"the step {journey._row.next_step_name!r} of {type_name} is not known to this code"


def _due(journey: Any, fence: str) -> datetime | None:
    """When the step is due that the ticket is for; None: the journey is gone, or has gone on, or does not go on."""
    if journey is None or journey._row.fence != fence or journey._row.state is not State.READY:
        return None
    due: datetime | None = journey._row.next_step_to_be_performed_at
    return due


def _hand_over_again(motor: Motor, store: Store, id: JourneyId, fence: str, due: datetime, now: datetime) -> None:
    """Once, and only if the queue may be trusted to keep a ticket until then; else the sweep will."""
    scheduler = motor.scheduler
    if scheduler is None or scheduler.queue.is_eager or not scheduler.is_near(due, now):
        return
    ready = retrying(store, lambda: store.hand_over_again(id, fence))
    if ready is not None:
        handed = scheduler.hand_over(motor, store, [ready], ahead=motor.now() - now)
        store.take_back(handed.missed)


def _ignored(motor: Motor, detail: str, id: JourneyId = None, type_name: str | None = None) -> None:
    _tell(motor, "ticket_ignored", detail, id, type_name)


def _tell(motor: Motor, name: str, detail: str, id: JourneyId, type_name: str | None) -> None:
    motor.events.tell(Event(name=name, journey_type=type_name, journey_id=id, detail=detail))
