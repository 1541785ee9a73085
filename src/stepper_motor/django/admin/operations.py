"""What an operator may do to a journey, and to many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from stepper_motor.journeys.errors import InvalidState, StepperMotorError
from stepper_motor.journeys.row import State
from stepper_motor.motor.verbs import BulkResult

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise


class Refused(Exception):
    """Nothing was done; the message is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A verb, as operators know it."""

    name: str
    verb: str
    label: Text
    effect: Text
    """What it does, for somebody who is about to do it."""
    done: Text
    """What was done, for one journey."""
    states: frozenset[State]
    """The states in which it is offered."""
    asks: bool = False
    """Whether it wants to be confirmed: it can't be taken back."""
    moves: bool = False
    """Whether it is meant for the one step that the operator saw, and for a step that nobody performs."""


PAUSE = Operation(
    name="pause",
    verb="pause",
    label=gettext_lazy("Pause"),
    effect=gettext_lazy("It stops until somebody resumes it. A step that runs is let run to its end."),
    done=gettext_lazy("Paused."),
    states=frozenset({State.READY, State.PERFORMING}),
)
RESUME = Operation(
    name="resume",
    verb="resume",
    label=gettext_lazy("Resume"),
    effect=gettext_lazy("It goes on where it was paused: at the due time it had, or at once where that has passed."),
    done=gettext_lazy("Resumed."),
    states=frozenset({State.PAUSED}),
)
PERFORM = Operation(
    name="perform",
    verb="reattempt",
    label=gettext_lazy("Perform now"),
    effect=gettext_lazy(
        "Its next step becomes due at once, and a worker performs it, with a fresh budget of failures. "
        "A paused journey is ready again by that."
    ),
    done=gettext_lazy("The step is due now: the next free worker performs it."),
    states=frozenset({State.READY, State.PAUSED}),
    asks=True,
    moves=True,
)
SKIP = Operation(
    name="skip",
    verb="skip",
    label=gettext_lazy("Skip the step"),
    effect=gettext_lazy(
        "The step is passed over without being performed, and the wait of the following one begins now. "
        "After the last step, the journey is finished."
    ),
    done=gettext_lazy("The step was skipped."),
    states=frozenset({State.READY, State.PAUSED}),
    asks=True,
    moves=True,
)
CANCEL = Operation(
    name="cancel",
    verb="cancel",
    label=gettext_lazy("Cancel"),
    effect=gettext_lazy("It ends before its last step. A step that runs is let run to its end; no other one follows."),
    done=gettext_lazy("Canceled."),
    states=frozenset({State.READY, State.PERFORMING, State.PAUSED}),
    asks=True,
)
OPERATIONS = {each.name: each for each in (PAUSE, RESUME, PERFORM, SKIP, CANCEL)}


def offered(journey: Any) -> list[Operation]:
    """The operations that make sense for the journey as it stands."""
    explanation = journey.explain()
    may_move = explanation.known and explanation.step is not None and not _is_running(journey)
    fitting = [each for each in OPERATIONS.values() if journey.state in each.states]
    return [each for each in fitting if may_move or not each.moves]


def _is_running(journey: Any) -> bool:
    row = journey._row
    return bool(row.held and not row.lapsed(journey._door.now()))


def operate(journey: Any, operation: Operation, *, seen: str, by: str, reason: str) -> None:
    """Do it, as `by`, to the journey as the operator saw it (`seen`: the fence that the page was shown with).

    Raises:
        Refused: the journey does not allow it, or has moved on since.
    """
    if operation.moves and seen != journey.fence:
        raise Refused(_("It has moved on since this page was shown. Nothing was changed: look again."))
    _guarded(journey, lambda: getattr(journey, operation.verb)(by=by, reason=reason or None))


def operate_in_bulk(queryset: Any, operation: Operation, *, by: str, reason: str, step: str | None) -> BulkResult:
    """Do it to all of them, in batches, each journey as it stands then.

    Raises:
        Refused: the database gave up midway; the message says how many were done.
    """
    so_far = [BulkResult(0, 0, 0)]
    told = {"by": by, "reason": reason or None, "progress": so_far.append, **({"step": step} if step else {})}
    try:
        result: BulkResult = getattr(queryset, operation.verb)(**told)
    except DatabaseError as error:
        if not _is_transient(queryset.model, queryset.db, error):
            raise
        raise Refused(f"{_locked()} {outcome_of(so_far[-1])}") from error
    return result


def outcome_of(result: BulkResult) -> str:
    """What a bulk operation came to, in sentences."""
    changed, passed_over, failed = result
    parts = [ngettext("%d journey was changed.", "%d journeys were changed.", changed) % changed]
    if passed_over:
        one = "%d was passed over: it did not allow this, or had moved on."
        many = "%d were passed over: they did not allow this, or had moved on."
        parts.append(ngettext(one, many, passed_over) % passed_over)
    if failed:
        one = "%d failed: it is gone, or its wait raised."
        many = "%d failed: they are gone, or their waits raised."
        parts.append(ngettext(one, many, failed) % failed)
    return " ".join(parts)


def _guarded(journey: Any, act: Callable[[], object]) -> None:
    try:
        act()
    except StepperMotorError as error:
        raise Refused(_sentence(error)) from error
    except DatabaseError as error:
        if not journey._store.is_transient(error):
            raise
        raise Refused(_locked()) from error
    except Exception as error:  # the journey's own code: a wait that it was asked for
        told = _("Its own code raised %(error)s. Nothing was changed.")
        raise Refused(told % {"error": f"{type(error).__name__}: {error}"}) from error


def _sentence(error: StepperMotorError) -> str:
    text = str(error)
    nothing = _("Nothing was changed.") if isinstance(error, InvalidState) else ""
    return f"{text[:1].upper()}{text[1:]}. {nothing}".strip()


def _locked() -> str:
    return _("Another transaction holds the journey. Nothing more was changed: try again.")


def _is_transient(model: Any, alias: str, error: DatabaseError) -> bool:
    from stepper_motor.django.engine import store_of

    return store_of(model, alias).is_transient(error)
