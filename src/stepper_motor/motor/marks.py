"""When the sweep may hand a ticket to a queue, and again. Decided here, whatever keeps the marks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from stepper_motor.motor import clock
from stepper_motor.motor.ports import Ready

OVERDUE = timedelta(minutes=1)
"""How long after its due time a ready journey that nobody has claimed is handed over again."""
LONGEST = timedelta(hours=1)
"""The interval between two tickets with the same fence doubles up to this."""
FORGOTTEN = timedelta(days=1)
"""How long after its time a mark is kept."""
A_CENTURY = 36_525 * 86_400.0
"""Seconds. A clock that runs fast soon passes what dates can tell."""


class Mark(NamedTuple):
    """A ticket that was handed over."""

    fence: str
    times: int
    """How often the same ticket was, since the queue could be reached."""
    again_at: datetime
    """When it may be again."""


def is_wanted(due: datetime, became_ready: datetime, now: datetime, horizon: timedelta | None) -> bool:
    """Whether a ticket is to be handed over: the journey is overdue, or came within the horizon since it became ready.

    (One that became ready within the horizon was given its ticket then, and so was one that was overdue already.)
    """
    if max(due, became_ready) <= now - real(OVERDUE):
        return True
    return horizon is not None and due - now <= real(horizon) < due - became_ready


def may_be_handed_over(ready: Ready, mark: Mark | None, now: datetime) -> bool:
    return mark is None or mark.fence != ready.fence or mark.again_at <= now


def marked(ready: Ready, before: Mark | None, now: datetime) -> Mark:
    """The mark of a ticket that is handed over now."""
    times = before.times + 1 if before and before.fence == ready.fence else 1
    interval = min(OVERDUE * 2 ** min(times - 1, 10), LONGEST)
    return Mark(ready.fence, times, max(ready.due, now) + real(interval))


def taken_back(fence: str, now: datetime) -> Mark:
    """The mark of a ticket for which the queue could not be reached: soon again, however long it has been away."""
    return Mark(fence, 0, now + real(OVERDUE))


def real(duration: timedelta) -> timedelta:
    """What a duration of real time is on the library's clock, but not more than a century of it."""
    return timedelta(seconds=min(duration.total_seconds() * clock.installed().speed, A_CENTURY))
