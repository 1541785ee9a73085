"""What a performance makes of a row: pure functions (row, what happened, now) -> the new values.

Together with `interventions.py` (the verbs from outside) the only place where a change of state is decided:

    depart      (nothing)                -> ready, or finished where there are no steps
    claim       ready                    -> performing, held under a lease
    settle      held                     -> ready | paused | canceled | finished, held no more
    run_on      ready, due at once       -> performing, held on (written together with `settle`)
    hand_back   held, body not begun     -> ready | paused | canceled, held no more
    recover     held, lease over         -> as `if_lost` says
    pause       ready | performing       -> paused;             held stays held, the body runs on
    cancel      ready | performing | paused -> canceled;        held stays held, the body runs on
    resume      paused                   -> ready, or performing while a performance still holds it
    skip        ready | paused           -> ready | finished
    reattempt   ready | paused           -> ready
    reschedule  ready | paused           -> as it was, with another due time
    jump_to     ready | paused | ended   -> ready
    finish      ready | paused           -> finished

A row is *held* while `performed_by` is set, whatever its state. What user code has to say (where a wait leads, what
an exception becomes) is worked out before, outside of locks, and comes in as a `Destination`. SEMANTICS 2, 3, 5 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stepper_motor.journeys.outcomes import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Jumped,
    Lost,
    Outcome,
    Paused,
    Reattempted,
    Skipped,
)
from stepper_motor.journeys.row import (
    Destination,
    Entry,
    OffTheMap,
    Onward,
    Row,
    State,
    Stranded,
    TheEnd,
    Transition,
)
from stepper_motor.journeys.wording import text_of

REASON_LIMIT = 500
"""Characters of a reason that are kept on the row and in the history."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An exception as the history keeps it."""

    error_class: str
    message: str
    traceback: str | None = None

    def __str__(self) -> str:
        return f"{self.error_class}: {self.message}" if self.message else self.error_class


@dataclass(frozen=True, slots=True)
class Ending:
    """How a performance ended, before anybody looked at the row again."""

    step: str | None
    """Its name in today's definition."""
    outcome: Outcome
    entered: bool
    """Whether the body was entered (a condition or a hook may have decided before it)."""
    started_at: datetime
    destination: Destination | None = None
    """Where the outcome leads; None where it leads nowhere (a pause, a cancel)."""
    problem: Problem | None = None
    remark: str | None = None
    """What the history should tell beside the outcome."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What it means if the performance of the row's next step is lost."""

    if_lost: str = "reattempt"
    destination: Destination | None = None
    """Where `if_lost="skip"` leads, or `OffTheMap` when this process does not know the step."""
    poison_after: int = 3


def depart(first: Destination, now: datetime, fence: str) -> Row:
    """The row of a journey that begins now."""
    row = Row(State.READY, None, None, None, None, 0, 0, 0, 0, 0, 0, fence, now, None, None, now, None)
    match first:
        case Onward(step, due):
            return row._replace(next_step_name=step, next_step_to_be_performed_at=due)
        case TheEnd():
            return row._replace(state=State.FINISHED, ended_at=now)
        case Stranded(_, error):
            raise error
    raise ValueError("a journey can't begin off the map")


def claimable(row: Row, now: datetime, fence: str | None = None) -> bool:
    """Whether a performer may take the row now; with a `fence`, only if it is still the row's."""
    due = row.next_step_to_be_performed_at
    return row.state is State.READY and due is not None and due <= now and fence in (None, row.fence)


def claim(row: Row, holder: str, lease_expires_at: datetime, now: datetime) -> Row:
    """Ready becomes performing, under a lease. The fence stays: it is the ticket's."""
    return row._replace(state=State.PERFORMING, performed_by=holder, lease_expires_at=lease_expires_at, updated_at=now)


def run_on(settled: Row, holder: str, lease_expires_at: datetime, before: Row) -> Row:
    """The settled row, due at once, claimed anew in the same write.

    The due time on the row stays the one of the step before: no index is touched, PostgreSQL updates in place.
    """
    return settled._replace(
        state=State.PERFORMING,
        performed_by=holder,
        lease_expires_at=lease_expires_at,
        next_step_to_be_performed_at=before.next_step_to_be_performed_at,
    )


def hand_back(row: Row, now: datetime, fence: str) -> Row:
    """Claimed and never begun: no performance, nothing counted, the old ticket void."""
    state = State.READY if row.state is State.PERFORMING else row.state
    return _released(row, now)._replace(state=state, fence=fence)


def settle(row: Row, ending: Ending, now: datetime, fence: str) -> Transition:
    """What the row becomes after a performance, decided from the state that is found now."""
    decided = _lead(_released(row, now), ending, now, fence)
    if row.state is State.CANCELED:
        decided = _under_cancel(row, ending, now, fence)
    elif row.state is State.PAUSED and decided.state is State.READY:
        decided = decided._replace(state=State.PAUSED, reason=row.reason)
    return Transition(decided, (_performance(row, ending, decided, now),))


def recover(row: Row, loss: Loss, now: datetime, fence: str) -> Transition:
    """What a row becomes whose performer let its lease run out: `if_lost`, and in every case a new fence."""
    freed = _released(row, now)._replace(fence=fence)
    if row.state is State.CANCELED:
        after = freed
    else:
        after = _lost(freed, loss, now, fence, counts=True)
        if row.state is State.PAUSED and after.state is State.READY:
            after = after._replace(state=State.PAUSED, reason=row.reason)
    began = row.updated_at if row.state is State.PERFORMING else None
    entry = Entry(
        row.next_step_name, row.attempts + 1, Lost.name, after.state, "the performer's lease ran out",
        None, None, None, row.performed_by, began, now,
    )  # fmt: skip
    return Transition(after, (entry,))


def _lead(row: Row, ending: Ending, now: datetime, fence: str) -> Row:
    row = row._replace(steps_entered=row.steps_entered + ending.entered, next_step_name=ending.step)
    match ending.outcome:
        case Completed():
            return advance(_completed(row, ending), ending.destination, now, fence)
        case Skipped():
            return advance(row, ending.destination, now, fence)
        case Finished():
            return finished(_completed(row, ending), ending.step, now)
        case Reattempted():
            again = row._replace(failures=0, losses=0, round=row.round + 1)
            return _again(again, ending, now, fence)
        case Jumped():
            return jumped(row._replace(previous_step_name=ending.step), ending.destination, now, fence)
        case Paused(reason):
            return row._replace(state=State.PAUSED, reason=shortened(reason))
        case Canceled(reason):
            return row._replace(state=State.CANCELED, reason=shortened(reason), ended_at=now)
        case Failed(_, then):
            return _failed(row, ending, then, now, fence)
        case Lost(if_lost, graceful):
            # The table of SEMANTICS 3: a lost performance counts nothing as entered.
            unentered = row._replace(steps_entered=row.steps_entered - ending.entered, fence=fence)
            return _lost(unentered, Loss(if_lost, ending.destination), now, fence, counts=not graceful)
    raise TypeError(f"{ending.outcome!r} is no outcome of a performance")


def advance(row: Row, destination: Destination | None, now: datetime, fence: str) -> Row:
    this = row.next_step_name
    moved = row._replace(previous_step_name=this, attempts=0, failures=0, losses=0, fence=fence, arrived_at=now)
    match destination:
        case Onward(step, due):
            return moved._replace(state=State.READY, reason=None, next_step_name=step, next_step_to_be_performed_at=due)
        case TheEnd():
            return finished(row, this, now)
        case Stranded(step) as stranded:
            return moved._replace(
                state=State.PAUSED, reason=_broken_wait(stranded), next_step_name=step,
                next_step_to_be_performed_at=None,
            )  # fmt: skip
        case _:
            return _removed(row, this)


def _completed(row: Row, ending: Ending) -> Row:
    return row._replace(steps_completed=row.steps_completed + ending.entered)


def _removed(row: Row, this: str | None) -> Row:
    reason = f"step {this!r} was removed while it ran: nobody knows which step follows"
    return row._replace(state=State.PAUSED, reason=shortened(reason), previous_step_name=this)


def finished(row: Row, this: str | None, now: datetime) -> Row:
    return row._replace(
        state=State.FINISHED, reason=None, previous_step_name=this, next_step_name=None,
        next_step_to_be_performed_at=None, attempts=0, failures=0, losses=0, ended_at=now,
    )  # fmt: skip


def _again(row: Row, ending: Ending, now: datetime, fence: str) -> Row:
    again = row._replace(
        state=State.READY, previous_step_name=ending.step, attempts=row.attempts + 1, fence=fence,
        reason=shortened(str(ending.problem)) if ending.problem else None,
    )  # fmt: skip
    match ending.destination:
        case Onward(_, due):
            return again._replace(next_step_to_be_performed_at=due)
        case Stranded() as stranded:
            return again._replace(state=State.PAUSED, reason=_broken_wait(stranded), next_step_to_be_performed_at=None)
        case OffTheMap():
            return _removed(row._replace(attempts=row.attempts + 1), ending.step)
    raise TypeError(f"a reattempt leads to a due time, not to {ending.destination!r}")


def jumped(row: Row, destination: Destination | None, now: datetime, fence: str) -> Row:
    assert isinstance(destination, Onward)
    return row._replace(
        state=State.READY, reason=None, next_step_name=destination.step,
        next_step_to_be_performed_at=destination.due, attempts=0, failures=0, losses=0, round=row.round + 1,
        fence=fence, arrived_at=now, ended_at=None,
    )  # fmt: skip


def _failed(row: Row, ending: Ending, then: Outcome, now: datetime, fence: str) -> Row:
    failed = row._replace(failures=row.failures + 1, losses=0)
    why = shortened(str(ending.problem))
    match then:
        case Reattempted():
            return _again(failed, ending, now, fence)
        case Paused(reason):
            return failed._replace(state=State.PAUSED, reason=shortened(reason) or why, attempts=row.attempts + 1)
        case Canceled(reason):
            reason = shortened(reason) or why
            return failed._replace(state=State.CANCELED, reason=reason, attempts=row.attempts + 1, ended_at=now)
        case Skipped():
            return advance(row, ending.destination, now, fence)
        case Jumped():
            return jumped(row._replace(previous_step_name=ending.step), ending.destination, now, fence)
        case Finished():
            return finished(row, ending.step, now)
    raise TypeError(f"a failure can't become {then!r}")


def _lost(row: Row, loss: Loss, now: datetime, fence: str, *, counts: bool) -> Row:
    lost = row._replace(attempts=row.attempts + 1, losses=row.losses + counts)
    if isinstance(loss.destination, OffTheMap):
        reason = f"lost at step {row.next_step_name!r}, which this code does not know"
        return lost._replace(state=State.PAUSED, reason=reason)
    if counts and lost.losses >= loss.poison_after:
        reason = f"lost {lost.losses} times in a row at step {row.next_step_name!r}"
        return lost._replace(state=State.PAUSED, reason=reason)
    match loss.if_lost:
        case "skip":
            return advance(row, loss.destination, now, fence)
        case "pause":
            return lost._replace(state=State.PAUSED, reason="the performer was lost (if_lost)")
        case "cancel":
            return lost._replace(state=State.CANCELED, reason="the performer was lost (if_lost)", ended_at=now)
    return lost._replace(state=State.READY, reason="the performer was lost, put back", next_step_to_be_performed_at=now)


def _under_cancel(row: Row, ending: Ending, now: datetime, fence: str) -> Row:
    """The body ran to its end after the journey was canceled: told truthfully, and nothing moves."""
    freed = _released(row, now)
    if isinstance(ending.outcome, Lost):
        return freed._replace(fence=fence)
    outcome = ending.outcome.then if isinstance(ending.outcome, Failed) else ending.outcome
    freed = freed._replace(steps_entered=row.steps_entered + ending.entered)
    if isinstance(ending.outcome, Completed | Finished):
        freed = _completed(freed, ending)
    if isinstance(outcome, Completed | Skipped | Finished):
        after = None if isinstance(outcome, Finished) else getattr(ending.destination, "step", None)
        freed = freed._replace(previous_step_name=ending.step, next_step_name=after)
    return freed


def _released(row: Row, now: datetime) -> Row:
    return row._replace(lease_expires_at=None, performed_by=None, updated_at=now)


def _performance(row: Row, ending: Ending, after: Row, now: datetime) -> Entry:
    problem = ending.problem
    reason = ending.remark
    if isinstance(ending.outcome, Paused | Canceled):
        reason = "; ".join(filter(None, (shortened(ending.outcome.reason), shortened(ending.remark)))) or None
    elif isinstance(ending.outcome, Failed):
        reason = reason or getattr(ending.outcome.then, "reason", None)
    elif isinstance(ending.outcome, Lost):
        reason = reason or "interrupted: its performer was told to stop"
    stranded = ending.destination
    if isinstance(stranded, Stranded) and not isinstance(ending.outcome, Paused | Canceled):
        problem = problem or Problem(type(stranded.error).__qualname__, text_of(stranded.error))
        reason = reason or _broken_wait(stranded)
    return Entry(
        ending.step, row.attempts + 1, ending.outcome.name, after.state, shortened(reason),
        problem.error_class if problem else None, problem.message if problem else None,
        problem.traceback if problem else None, row.performed_by, ending.started_at, now,
    )  # fmt: skip


def shortened(reason: object) -> str | None:
    """The reason as text (people give exceptions and translations, too), cut to what a reason may hold."""
    text = None if reason is None else str(reason)
    return text if text is None or len(text) <= REASON_LIMIT else text[: REASON_LIMIT - 1] + "…"


def _broken_wait(stranded: Stranded) -> str | None:
    error = stranded.error
    return shortened(f"the wait of step {stranded.step!r} raised {type(error).__qualname__}: {text_of(error)}")
