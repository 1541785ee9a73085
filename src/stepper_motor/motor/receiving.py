"""Where a queue's job ends up: the motor that the ticket names performs it.

The job systems call a plain function with a text. Which motors there are is known to the process: the home of a project
with one motor says how to find it, and a motor that the app made says its name when it is given a scheduler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.motor.ticket import Ticket, UnreadableTicket

if TYPE_CHECKING:
    from stepper_motor.motor.motor import Motor

_motors: WeakValueDictionary[str, Motor] = WeakValueDictionary()
_finders: list[Callable[[], Motor]] = []


def receives(motor: Motor) -> None:
    """Tickets that name this motor are for it."""
    _motors[motor.name] = motor


def found_by(find: Callable[[], Motor]) -> None:
    """Tickets that name no motor are for the one that is found so, unless the app made one without a name."""
    if find not in _finders:
        _finders.append(find)


def motor_named(name: str) -> Motor:
    """The motor of this name.

    Raises:
        StepperMotorError: this process has none.
    """
    motor = _all().get(name)
    if motor is None:
        raise StepperMotorError(
            f"a ticket came for the motor {name!r}, which this process does not have: import the module that makes it "
            f"where the queue's worker starts"
        )
    return motor


def _all() -> dict[str, Motor]:
    """Every motor that this process receives tickets for, by its name."""
    motors = dict(_motors)
    if "" not in motors and _finders:
        motors[""] = _finders[-1]()
    return motors


def perform_ticket(text: str) -> None:
    """Perform the step that a ticket is for, if it still is to be done.

    Raises:
        Exception: what the step raised, if the scheduler says so; that this process has no such motor.
    """
    try:
        motor = motor_named(Ticket.read(text).motor)
    except UnreadableTicket:
        # Whichever says so: a queue is given no reason to try it again.
        motor = next(iter(_all().values()), None) or motor_named("")
    motor.perform_ticket(text)


def sweep() -> None:
    """Hand over, recover and delete in every motor that this process receives tickets for: for periodic tasks.

    Raises:
        Exception: it failed in one of them. The others are done.
    """
    from stepper_motor.motor.housekeeping import Housekeeper

    failure: Exception | None = None
    for motor in _all().values():
        try:
            Housekeeper(motor).keep()
        except Exception as error:
            failure = error
        finally:
            motor.leave()
    if failure:
        raise failure
