"""Where a queue's job ends up: the motor that the ticket names performs it.

The job systems call a plain function with a text. Which motors there are is known to the process: the home of a project
with one motor says how to find it, and a motor that the app made says its name when it is given a scheduler.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.motor.ticket import Ticket, UnreadableTicket

if TYPE_CHECKING:
    from stepper_motor.motor.motor import Motor

_motors: WeakValueDictionary[int, Motor] = WeakValueDictionary()
"""Those that the app made, numbered in the order in which it did."""
_numbers = count()
_finders: list[Callable[[], Motor]] = []


def receives(motor: Motor) -> None:
    """Tickets that name this motor are for it."""
    _motors[next(_numbers)] = motor


def found_by(find: Callable[[], Motor]) -> None:
    """Tickets that name no motor are for the one that is found so, unless the app made one without a name that moves
    the same table."""
    if find not in _finders:
        _finders.append(find)


def check() -> None:
    """Whether this process can perform tickets, as far as that is known before one comes.

    Raises:
        DefinitionError: its settings are wrong.
    """
    for find in _finders[-1:]:
        find()


def motor_of(name: str, table: str = "") -> Motor:
    """The motor of this name; of several, the last that the app made, and best one that moves this table.

    Raises:
        StepperMotorError: this process has none.
    """
    candidates = [motor for motor in _made() if motor.name == name]
    found = next((motor for motor in candidates if motor.store_of_ticket(table)), None)
    if found is None and not name and _finders:
        return _finders[-1]()
    if not candidates:
        raise StepperMotorError(
            f"a ticket came for the motor {name!r}, which this process does not have: import the module that makes it "
            f"where the queue's worker starts"
        )
    return found or candidates[0]


def _made() -> list[Motor]:
    """Those that the app made, the last first."""
    return [motor for _, motor in sorted(_motors.items(), reverse=True)]


def _all() -> list[Motor]:
    """Every motor that this process receives tickets for. An app's factory that is called again makes another motor of
    the same name for the same tables: then the last is meant."""
    taken: set[tuple[str, str]] = set()
    motors = []
    for motor in [*_made(), *(find() for find in _finders[-1:])]:
        tables = {(motor.name, store.table.full_name) for store in motor.stores}
        if not tables <= taken:
            motors.append(motor)
            taken |= tables
    return motors


def perform_ticket(text: str) -> None:
    """Perform the step that a ticket is for, if it still is to be done.

    Raises:
        Exception: what the step raised, if the scheduler says so; that this process has no such motor.
    """
    try:
        ticket = Ticket.read(text)
    except UnreadableTicket:
        # Whichever says so: a queue is given no reason to try it again.
        motor = next(iter(_all()), None) or motor_of("")
    else:
        motor = motor_of(ticket.motor, ticket.table)
    motor.perform_ticket(text)


def sweep() -> None:
    """Hand over, recover and delete in every motor that this process receives tickets for: for periodic tasks.

    Raises:
        Exception: it failed in one of them. The others are done.
    """
    from stepper_motor.motor.housekeeping import Housekeeper

    failure: Exception | None = None
    for motor in _all():
        try:
            Housekeeper(motor).keep()
        except Exception as error:
            failure = error
        finally:
            motor.leave()
    if failure:
        raise failure
