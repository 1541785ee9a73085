"""How durations, times and waits read in sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepper_motor.journeys.step import Step

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def length(span: timedelta) -> str:
    """A duration, whatever its sign, by its largest unit and the next smaller one: "2 days 3 hours"."""
    rest = int(abs(span).total_seconds())
    parts = []
    for unit, size in UNITS:
        parts.append(counted(rest // size, unit))
        rest %= size
    first = next((place for place, part in enumerate(parts) if part), len(parts))
    return " ".join(filter(None, parts[first : first + 2])) or "less than a second"


def counted(count: int, thing: str) -> str:
    """ "2 things"; empty when there are none."""
    return f"{count} {thing}{'' if count == 1 else 's'}" if count else ""


def clock(moment: datetime) -> str:
    """The time in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def away(moment: datetime, now: datetime) -> str:
    """How far off it is: "in 5 minutes", "5 minutes ago"."""
    return f"in {length(moment - now)}" if moment > now else f"{length(now - moment)} ago"


def text_of(error: BaseException) -> str:
    """What the exception says, even if saying it raises another."""
    try:
        return str(error)
    except BaseException as second:
        return f"(its text can't be had: {type(second).__name__})"


def capitalised(text: str) -> str:
    """With a capital first letter; unlike `str.capitalize`, the rest stays what it is."""
    return text[:1].upper() + text[1:]


def wait_of(step: Step) -> str:
    """When the step is due, as its definition says; empty when that is at once."""
    if step.at is not None:
        return "at a time worked out then"
    if isinstance(step.after, timedelta):
        return f"{length(step.after)} after the start"
    if step.after is not None or callable(step.wait):
        return "after a wait worked out then"
    return f"after {length(step.wait)}" if step.wait else ""
