"""Everything that is due now, of all journeys, as a worker would perform it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stepper_motor.testing.performed import Performed, checked_limit, note_story, raise_again
from stepper_motor.testing.speedruns import LimitReached
from stepper_motor.testing.time_travel import travel
from stepper_motor.testing.twins import asynchronous

if TYPE_CHECKING:
    from stepper_motor.motor.motor import Motor
    from stepper_motor.motor.performance import Performance
    from stepper_motor.motor.ports import Store

HOLDER = "a test"
STEPS = 1000
"""How many performances are allowed in one go."""
NEVER = datetime.max.replace(tzinfo=UTC)


def run_due(*, limit: int = STEPS, reraise: bool = True, motor: Motor | None = None) -> list[Performed]:
    """Perform every step that is due now, and those that become due at once by it, as a worker would.

    One after the other in this thread, the longest due first (the smaller id first where they are due together). Time
    stands still meanwhile. Nothing is recovered and nothing deleted: that is housekeeping.

    Args:
        limit: the most steps to perform.
        reraise: when all is done, raise what a step raised: that exception, or an `ExceptionGroup` of several. False:
            only report them, as a worker does.
        motor: whose journeys; that of the Django project if not given.

    Returns:
        What was performed, in order.

    Raises:
        LimitReached: more than `limit` steps were due.
        StepperMotorError: inside a transaction of the caller's (a test's does not count).
    """
    checked_limit(limit)
    motor = motor or _motor_of_the_project()
    for store in motor.stores:
        motor.check_can_commit(store)
    performed: list[Performed] = []
    with travel(0):
        while (performance := _claim(motor)) is not None:
            if len(performed) == limit:
                performance.store.hand_back([performance.holding], HOLDER)
                raise LimitReached(_too_many(performed))
            performed += _perform(motor, performance)
    if reraise:
        _raise_errors(performed)
    return performed


arun_due = asynchronous(run_due)


def _motor_of_the_project() -> Motor:
    from stepper_motor.django.engine import motor

    return motor()


def _claim(motor: Motor) -> Performance | None:
    """Take the longest due row of all tables."""
    from stepper_motor.motor.performance import Performance

    for store in sorted(motor.stores, key=_soonest):
        for claim in store.claim_due(1, HOLDER):
            journey = store.load([claim.id])[claim.id]
            return Performance(journey, store, HOLDER, motor.settings, claimed_now=claim.now)
    return None


def _perform(motor: Motor, performance: Performance) -> list[Performed]:
    at, step = performance.now(), performance.step_name
    outcome = motor.perform(performance)
    if outcome is None:  # it deleted its journey
        return []
    performed = Performed(performance.journey, step, outcome, at)
    raise_again(performed, reraise=False)
    return [performed]


def _soonest(store: Store) -> datetime:
    found = store.next_due()
    return found[0] if found else NEVER


def _too_many(performed: list[Performed]) -> str:
    lines = "\n".join(f"  {each}" for each in performed[-20:])
    return f"more than {len(performed)} steps are due now; these were performed last:\n{lines}"


def _raise_errors(performed: list[Performed]) -> None:
    failed = [(each, each.error) for each in performed if isinstance(each.error, Exception)]
    for each, error in failed:
        note_story(each, error)
    if len(failed) == 1:
        raise failed[0][1]
    if failed:
        raise ExceptionGroup(f"{len(failed)} steps raised", [error for _, error in failed])
