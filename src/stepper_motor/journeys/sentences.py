"""What there is to say of a journey: why it is not moving, or what it is doing; and what comes next, and when."""

from __future__ import annotations

from datetime import timedelta

from stepper_motor.journeys.row import ENDED, State
from stepper_motor.journeys.standing import Standing, later
from stepper_motor.journeys.wording import capitalised, clock, counted, length, wait_of

TAKEN_WITHIN = timedelta(minutes=1)
"""A due step that nobody took for so long lets one ask whether there is a worker at all."""


# ------------------------------------------------------------------------------------------------------- why


def why_it_stands(standing: Standing) -> str:
    """What the journey is doing, or why it is not moving."""
    return " ".join(filter(None, (_why(standing), _so_far(standing))))


def _why(standing: Standing) -> str:
    match standing.row.state:
        case State.READY:
            return _why_ready(standing)
        case State.PERFORMING:
            return _why_performing(standing)
        case State.PAUSED:
            return f"Paused{_because(standing)}.{_still_running(standing)}"
        case State.CANCELED:
            return f"Canceled{_ended(standing)}{_because(standing)}.{_still_running(standing)}"
        case State.FINISHED:
            return f"Finished{_ended(standing)}."


def _why_ready(standing: Standing) -> str:
    if standing.unknown_type:
        return f"Ready for {standing.name}, but of the type {standing.unknown_type!r}, which this code does not know."
    if standing.row.next_step_name is None:
        return "Ready, but without a next step."
    if standing.step is None:
        return f"{_begun(standing)}, which this code does not know: {_listed(standing)}."
    if standing.overdue is not None and standing.overdue > TAKEN_WITHIN:
        return f"{_begun(standing)}, and no worker has taken it yet: is a worker running that knows this journey?"
    if standing.overdue is not None:
        return f"{_begun(standing)}, and not yet taken by a worker."
    return f"{_begun(standing)}."


def _begun(standing: Standing) -> str:
    """The beginning of what there is to say of a journey that waits."""
    if standing.due is None:
        return f"Waits for {standing.name} without a due time"
    if not standing.overdue:
        until = "It is time now" if standing.due == standing.now else f"Waits until {standing.when(standing.due)}"
        return f"{until} for {standing.name}"
    return f"Due since {clock(standing.due)} (overdue by {length(standing.overdue)}) for {standing.name}"


def _why_performing(standing: Standing) -> str:
    row = standing.row
    by = f"{capitalised(standing.name)} is being performed by {row.performed_by}"
    return f"{by} since {clock(row.updated_at)} (for {length(standing.now - row.updated_at)}).{_lease(standing)}"


def _still_running(standing: Standing) -> str:
    """What a performer does with a journey that was paused or canceled under it."""
    by = f"performed by {standing.row.performed_by}"
    if standing.running:
        return f" Its step still runs, {by}, and is let run to its end.{_lease(standing)}"
    return f" Its step was still running, {by}.{_lease(standing)}" if standing.lost else ""


def _lease(standing: Standing) -> str:
    expires = standing.row.lease_expires_at
    if expires is None:
        return ""
    if standing.lost:
        return f" Its lease ended {length(standing.now - expires)} ago, so the performer seems to be gone."
    return f" Its lease is good for {length(expires - standing.now)} and renewed while the performer lives."


def _because(standing: Standing) -> str:
    return f": {standing.row.reason.rstrip('.')}" if standing.row.reason else ""


def _ended(standing: Standing) -> str:
    return f" at {standing.when(standing.row.ended_at)}" if standing.row.ended_at else ""


def _so_far(standing: Standing) -> str:
    """What went before at this step."""
    row = standing.row
    if row.state is State.FINISHED or not row.attempts:
        return ""
    in_a_row = [counted(row.failures, "failure"), counted(row.losses, "lost performance")]
    counts = " and ".join(f"{each} in a row" for each in in_a_row if each)
    last = f"; the last: {row.reason.rstrip('.')}" if row.reason and row.state is State.READY else ""
    return f"So far {counted(row.attempts, 'attempt')} at {standing.name}{f' ({counts})' if counts else ''}{last}."


# ------------------------------------------------------------------------------------------------------ next


def what_comes_next(standing: Standing) -> str:
    """What comes next, and when; and what can be done, where nothing does."""
    if standing.row.state in ENDED:
        return f"Nothing comes next{_reopening(standing)}."
    if standing.unknown_type:
        renamed = f"If the class was renamed, set its type_name to {standing.unknown_type!r}."
        return f"It is left alone for ever by code that does not know its type. {renamed}"
    if standing.lost:
        return _next_lost(standing)
    if standing.row.state is State.PAUSED:
        return _next_paused(standing)
    if standing.step is None:
        return _next_unknown(standing)
    if standing.row.state is State.PERFORMING:
        return f"When it ends well, {_afterwards(standing)}."
    taken = "as soon as a worker takes it" if standing.overdue is not None else "then"
    return f"{capitalised(standing.name)} is performed {taken}; after it, {_afterwards(standing)}."


def _reopening(standing: Standing) -> str:
    if standing.row.held:
        return ""
    if standing.step is None:
        return "; jump_to() with the name of a step would open it again"
    return f"; jump_to() would open it again at {standing.name}"


def _next_lost(standing: Standing) -> str:
    if standing.step is None:
        until = standing.when(later(standing.row.lease_expires_at or standing.now, standing.grace))
        return f"It is left to code that knows {standing.name} until {until}; then it is recovered, and paused."
    poison = ", or paused, if it was lost too often in a row" if standing.row.losses else ""
    return f"A worker or housekeeping is about to recover it: {_recovered(standing)}{poison}."


def _recovered(standing: Standing) -> str:
    """What `if_lost` makes of it."""
    stays = standing.row.state is State.PAUSED
    match standing.definition.if_lost_at(standing.step):
        case "cancel":
            return "it is canceled"
        case "pause":
            return "it is paused"
        case "skip" if stays and standing.coming:
            return f"{standing.name} is skipped, and the journey stays paused until it is resumed"
        case "skip":
            return f"{standing.name} is skipped, and {_afterwards(standing)}"
    return f"{standing.name} is put back{', paused until it is resumed' if stays else ' and performed again at once'}"


def _next_paused(standing: Standing) -> str:
    if standing.row.next_step_name is None:
        return "It has no next step: jump_to() with the name of a step sets it going again."
    if standing.step is None:
        return (
            f"{capitalised(standing.name)} is not known to this code: {_listed(standing)}."
            f" {capitalised(_renaming(standing))} and resume(), or jump_to() another step."
        )
    if standing.running:
        return f"resume() lets it go on as though nothing had been; without it, it stays paused after {standing.name}."
    if standing.due is not None and not standing.is_due:
        return f"resume() makes it wait on for {standing.name}, until {standing.when(standing.due)}."
    was = f"which was due at {standing.when(standing.due)}" if standing.due else "whose due time nobody knows"
    return f"resume() sets it going at once with {standing.name}, {was}."


def _next_unknown(standing: Standing) -> str:
    if standing.row.state is State.PERFORMING:
        return "What follows, only the code of its performer knows."
    if standing.row.next_step_name is None:
        return "The next worker that looks at it pauses it; jump_to() with the name of a step sets it going again."
    paused = later(standing.due or standing.now, standing.grace)
    if paused < standing.now:
        return f"The next worker that looks at it pauses it. {capitalised(_renaming(standing))}."
    until = f"until {standing.when(paused)}, {length(standing.grace)} after its due time"
    return f"It is left to newer code {until}; then it is paused. {capitalised(_renaming(standing))}."


def _renaming(standing: Standing) -> str:
    return f"if the step was renamed, give the new one formerly=({standing.row.next_step_name!r},)"


def _listed(standing: Standing) -> str:
    names = ", ".join(map(repr, standing.definition.steps.names))
    return f"it knows {names}" if names else "it knows no steps of such a journey at all"


def _afterwards(standing: Standing) -> str:
    if not standing.coming:
        return "the journey is finished"
    name, expected = standing.coming[0]
    step = standing.definition.steps.find(name)
    if expected is None:
        return f"step {name!r} comes, {wait_of(step) if step else ''}"
    soon = expected <= standing.now
    return f"step {name!r} comes {'at once' if soon else f'at about {standing.when(expected)}'}"
