"""What the verbs from outside make of a row: pure functions (row, now, ...) -> Transition. SEMANTICS 5.

Each looks at the row as it is under its lock. `pause`, `cancel` and `resume` look at the state alone; the others also
ask that the row still has the fence the caller saw, so that a double click skips one step, not two. A row that a lost
performance still holds is recovered first; one that a living performance holds is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from stepper_motor.journeys.errors import InvalidState
from stepper_motor.journeys.lifecycle import Loss, advance, finished, jumped, recover, shortened
from stepper_motor.journeys.outcomes import (
    Canceled,
    Finished,
    Jumped,
    Outcome,
    Paused,
    Reattempted,
    Rescheduled,
    Resumed,
    Skipped,
)
from stepper_motor.journeys.row import ENDED, Destination, Entry, OffTheMap, Onward, Row, State, Stranded, Transition

AT_REST = frozenset({State.READY, State.PAUSED})


@dataclass(frozen=True, slots=True)
class Intervention:
    """What every verb is told beside the row."""

    now: datetime
    fence: str
    """The new fence, should the row need one."""
    seen: str | None = None
    """The fence that the caller's object was loaded with; None: whatever it is."""
    by: str | None = None
    reason: str | None = None
    loss: Loss = field(default_factory=Loss)
    """What it means if the performance that holds the row turns out to be lost."""


class _Refused(Exception):
    """The verb met a lost performance, recovered it, and can't act on what the row became."""

    def __init__(self, row: Row, entries: tuple[Entry, ...], why: InvalidState) -> None:
        self.transition = Transition(row, entries, why)


def pause(row: Row, told: Intervention) -> Transition:
    """Stop; a body that runs is left to run to its end."""
    if row.state not in (State.READY, State.PERFORMING):
        raise InvalidState("pause", row.state)
    after = row._replace(state=State.PAUSED, reason=shortened(told.reason), updated_at=told.now)
    return _told(row, (), Paused, after, told)


def cancel(row: Row, told: Intervention) -> Transition:
    """End; a body that runs is left to run to its end, and nothing it does changes that."""
    if not row.state.ongoing:
        raise InvalidState("cancel", row.state)
    reason = shortened(told.reason)
    after = row._replace(state=State.CANCELED, reason=reason, updated_at=told.now, ended_at=told.now)
    return _told(row, (), Canceled, after, told)


def resume(row: Row, told: Intervention) -> Transition:
    """Go on where it was paused: at the old due time, or at once where that has passed."""
    entries: tuple[Entry, ...] = ()
    if row.held and row.lapsed(told.now):
        row, entries, _ = recover(row, told.loss, told.now, told.fence)
    if row.state is not State.PAUSED:
        return _refused(row, entries, InvalidState("resume", row.state))
    after = row._replace(reason=None, updated_at=told.now)
    if row.held:
        performing = after._replace(state=State.PERFORMING, failures=0, losses=0)
        return _told(row, entries, Resumed, performing, told)
    due = row.next_step_to_be_performed_at or told.now
    return _told(row, entries, Resumed, _put_back(after, due, told), told)


def skip(row: Row, destination: Destination, told: Intervention) -> Transition:
    """Pass over the next step; `destination` is what follows it."""
    try:
        row, entries = _at_rest(row, "skip", told)
    except _Refused as refused:
        return refused.transition
    _require_known(row, destination, "skip")
    after = advance(row._replace(updated_at=told.now), destination, told.now, told.fence)
    return _told(row, entries, Skipped, after, told)


def reattempt(row: Row, destination: Destination, told: Intervention) -> Transition:
    """The next step once more, at the time `destination` says, with a fresh budget of failures."""
    try:
        row, entries = _at_rest(row, "reattempt", told)
    except _Refused as refused:
        return refused.transition
    due = _require_known(row, destination, "reattempt")
    after = _put_back(row._replace(reason=None, updated_at=told.now), due, told)
    return _told(row, entries, Reattempted, after, told)


def reschedule(row: Row, destination: Destination, told: Intervention) -> Transition:
    """Another due time; nothing else changes."""
    try:
        row, entries = _at_rest(row, "reschedule", told)
    except _Refused as refused:
        return refused.transition
    due = _require_known(row, destination, "reschedule")
    after = row._replace(next_step_to_be_performed_at=due, fence=told.fence, updated_at=told.now)
    return _told(row, entries, Rescheduled, after, told)


def jump_to(row: Row, destination: Destination, told: Intervention) -> Transition:
    """On to another step; an ended journey is opened again."""
    try:
        row, entries = _at_rest(row, "jump_to", told, AT_REST | ENDED)
    except _Refused as refused:
        return refused.transition
    _require_known(row, destination, "jump_to")
    after = jumped(row._replace(updated_at=told.now), destination, told.now, told.fence)
    return _told(row, entries, Jumped, after, told)


def finish(row: Row, told: Intervention) -> Transition:
    """The end, as though its steps were done."""
    try:
        row, entries = _at_rest(row, "finish", told)
    except _Refused as refused:
        return refused.transition
    after = finished(row, row.previous_step_name, told.now)._replace(updated_at=told.now)
    return _told(row, entries, Finished, after, told)


def _at_rest(
    row: Row, verb: str, told: Intervention, allowed: frozenset[State] = AT_REST
) -> tuple[Row, tuple[Entry, ...]]:
    """The row as the verb may act on it: held by nobody, at the step the caller saw."""
    if row.state not in allowed and not row.held:
        raise InvalidState(verb, row.state)
    if told.seen is not None and told.seen != row.fence:
        raise InvalidState(verb, row.state, _moved_on(row))
    if not row.held:
        return row, ()
    if not row.lapsed(told.now):
        raise InvalidState(verb, row.state, "its step is still running")
    return _recovered(row, verb, told, allowed)


def _recovered(row: Row, verb: str, told: Intervention, allowed: frozenset[State]) -> tuple[Row, tuple[Entry, ...]]:
    after, entries, _ = recover(row, told.loss, told.now, told.fence)
    if after.state not in allowed:
        raise _Refused(after, entries, InvalidState(verb, after.state))
    if after.next_step_name != row.next_step_name:
        raise _Refused(after, entries, InvalidState(verb, after.state, _moved_on(after)))
    return after, entries


def _refused(row: Row, entries: tuple[Entry, ...], why: InvalidState) -> Transition:
    if not entries:
        raise why
    return Transition(row, entries, why)


def _moved_on(row: Row) -> str:
    return f"has moved on to {row.next_step_name or 'its end'}"


def _require_known(row: Row, destination: Destination, verb: str) -> datetime | None:
    if isinstance(destination, OffTheMap):
        name = row.next_step_name
        unknown = f"its next step {name!r} is not known to this code" if name else "it has no next step"
        raise InvalidState(verb, row.state, f"{unknown}; use jump_to() with the name of a step")
    if isinstance(destination, Stranded):
        raise destination.error
    return destination.due if isinstance(destination, Onward) else None


def _put_back(row: Row, due: datetime | None, told: Intervention) -> Row:
    return row._replace(state=State.READY, next_step_to_be_performed_at=due, failures=0, losses=0, fence=told.fence)


def _told(
    before: Row, entries: tuple[Entry, ...], outcome: type[Outcome], after: Row, told: Intervention
) -> Transition:
    now, reason = told.now, shortened(told.reason)
    told_of = Entry(
        before.next_step_name, None, outcome.name, after.state, reason, None, None, None, told.by, now, now
    )  # fmt: skip
    return Transition(after, (*entries, told_of))
