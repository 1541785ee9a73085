"""What a test claims of a journey, with the journey's story in the message when it is not so.

They look at the row in the database and leave the object in the test's hands as it is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.row import Entry, Row, State
from stepper_motor.journeys.wording import away, clock
from stepper_motor.testing.positions import stands_at, step_named
from stepper_motor.testing.stories import entries_of, fresh_copy, name_of, story
from stepper_motor.testing.time_travel import When, moment_of
from stepper_motor.testing.twins import asynchronous


def assert_state(journey: JourneyBase[Any], state: State | str) -> None:
    """The journey is in this state.

    Raises:
        ValueError: there is no such state.
    """
    __tracebackhide__ = True
    wanted = State(state)
    row = _row(journey)
    if row.state is not wanted:
        _fail(journey, f"to be {wanted}, but it is {_standing(row)}")


def assert_finished(journey: JourneyBase[Any]) -> None:
    """The journey is finished."""
    __tracebackhide__ = True
    assert_state(journey, State.FINISHED)


def assert_canceled(journey: JourneyBase[Any], *, reason: str | None = None) -> None:
    """The journey is canceled; `reason` is (a part of) why."""
    __tracebackhide__ = True
    assert_state(journey, State.CANCELED)
    _assert_reason(journey, "canceled", reason)


def assert_paused(journey: JourneyBase[Any], *, reason: str | None = None) -> None:
    """The journey is paused; `reason` is (a part of) why: for one that an exception paused, its class and message."""
    __tracebackhide__ = True
    assert_state(journey, State.PAUSED)
    _assert_reason(journey, "paused", reason)


def assert_at_step(journey: JourneyBase[Any], step: str) -> None:
    """The journey has not ended, and this is its next step, or the one that is performed.

    Raises:
        ValueError: the class has no such step.
    """
    __tracebackhide__ = True
    wanted = step_named(journey, step)
    fresh = _fresh(journey)
    if not fresh._row.state.ongoing:
        _fail(journey, f"to be at step {wanted!r}, but it is {_standing(fresh._row)}")
    if not stands_at(fresh, wanted):
        _fail(journey, f"to be at step {wanted!r}, but it is at {fresh._row.next_step_name!r}")


def assert_due(journey: JourneyBase[Any], when: When = 0, *, within: timedelta = timedelta(seconds=1)) -> None:
    """The journey is ready, and its next step is due then.

    Args:
        when: an aware datetime, or how long from now (a timedelta or seconds). Now, if not given: due and not ahead.
        within: how far off it may be, as the real clock runs on between two lines of a test.
    """
    __tracebackhide__ = True
    now, wanted = moment_of(0), moment_of(when)
    row = _row(journey)
    due = row.next_step_to_be_performed_at
    if row.state is not State.READY or due is None:
        _fail(journey, f"to be due, but it is {_standing(row)}")
    is_past = wanted == now and due <= now
    if abs(due - wanted) > within and not is_past:
        told = f"{clock(wanted)} ({away(wanted, now)}), but it is due {clock(due)} ({away(due, now)})"
        _fail(journey, f"to be due {told}")


def assert_completed(journey: JourneyBase[Any], *steps: str) -> None:
    """The bodies of these steps ended normally, in this order. Others may have done so before, between and after.

    Raises:
        ValueError: the class has no such step.
    """
    __tracebackhide__ = True
    _assert_told(journey, "completed", steps, [each for each in _told(journey, "completed") if each.attempt])


def assert_skipped(journey: JourneyBase[Any], *steps: str) -> None:
    """These steps were skipped (by a condition, by themselves or from outside), in this order.

    Raises:
        ValueError: the class has no such step.
    """
    __tracebackhide__ = True
    _assert_told(journey, "skipped", steps, _told(journey, "skipped"))


aassert_state = asynchronous(assert_state)
aassert_finished = asynchronous(assert_finished)
aassert_canceled = asynchronous(assert_canceled)
aassert_paused = asynchronous(assert_paused)
aassert_at_step = asynchronous(assert_at_step)
aassert_due = asynchronous(assert_due)
aassert_completed = asynchronous(assert_completed)
aassert_skipped = asynchronous(assert_skipped)


def _assert_reason(journey: JourneyBase[Any], state: str, reason: str | None) -> None:
    __tracebackhide__ = True
    found = _row(journey).reason
    if reason is not None and reason not in (found or ""):
        because = f"because of {found!r}" if found else "without a reason"
        _fail(journey, f"to be {state} because of {reason!r}, but it is {state} {because}")


def _assert_told(journey: JourneyBase[Any], outcome: str, wanted: tuple[str, ...], told: list[Entry]) -> None:
    __tracebackhide__ = True
    names = [_today(journey, entry.step_name) for entry in told]
    rest = iter(names)
    for step in wanted:
        if step_named(journey, step) not in rest:
            steps, found = ", ".join(wanted), ", ".join(map(str, names)) or "none"
            _fail(journey, f"to have {outcome} {steps}, but {outcome} {'is' if len(names) < 2 else 'are'} {found}")


def _told(journey: JourneyBase[Any], outcome: str) -> list[Entry]:
    __tracebackhide__ = True
    _fresh(journey)
    return [entry for entry in entries_of(journey) if entry.outcome == outcome]


def _today(journey: JourneyBase[Any], name: str | None) -> str | None:
    known = journey.steps.find(name) if name else None
    return known.name if known else name


def _row(journey: JourneyBase[Any]) -> Row:
    __tracebackhide__ = True
    return _fresh(journey)._row


def _fresh(journey: JourneyBase[Any]) -> JourneyBase[Any]:
    __tracebackhide__ = True
    fresh = fresh_copy(journey)
    if fresh is None:
        raise AssertionError(f"{name_of(journey)} is gone: its row was deleted")
    return fresh


def _standing(row: Row) -> str:
    return f"{row.state}" + (f" ({row.reason})" if row.reason else "")


def _fail(journey: JourneyBase[Any], expected: str) -> NoReturn:
    __tracebackhide__ = True
    raise AssertionError(f"expected {name_of(journey)} {expected}. {story(journey)}")
