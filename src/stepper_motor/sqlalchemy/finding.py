"""Which motor moves a journey: the one whose session it is in, else the only one that there is for its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from stepper_motor.journeys.errors import StepperMotorError

if TYPE_CHECKING:
    from stepper_motor.sqlalchemy.motor import Motor
    from stepper_motor.sqlalchemy.roots import Root

MOTOR = "stepper_motor"
"""The name in `session.info`: a motor leaves it in the sessions of its factory."""


def motor_of(cls: Any, session: Session | None) -> Motor:
    """The motor for a journey class.

    Raises:
        StepperMotorError: there are several, and the session is none of theirs.
    """
    from stepper_motor.sqlalchemy.motor import Motor

    root: Root = cls._root
    told: Motor | None = session.info.get(MOTOR) if session is not None else None
    if told is not None and root in told.roots:
        return told
    motors = list(root.motors)
    if len(motors) > 1:
        raise StepperMotorError(
            f"{len(motors)} motors move the journeys of {root.cls.__name__}, and this session was made by no session "
            f"factory of theirs: say whose it is by session.info[{MOTOR!r}] = motor"
        )
    if motors:
        return motors[0]
    if root.fallback is None:
        root.fallback = Motor(None, journeys=[root.cls])
        root.motors.discard(root.fallback)
    return root.fallback
