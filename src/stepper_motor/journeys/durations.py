"""Durations and moments, as people write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Duration = timedelta | int | float
"""A timedelta, or a number of seconds."""

Wait = timedelta | Callable[[Any], Duration]
"""A fixed duration, or a callable that takes the journey and gives one."""

ZERO = timedelta(0)


def duration(value: object) -> timedelta:
    """`value`, a timedelta or a number of seconds, as a timedelta.

    Raises:
        TypeError: it is neither (a bool is not a number here).
        ValueError: it is negative, not a number, or too long for a timedelta.
    """
    if not isinstance(value, (timedelta, int, float)) or isinstance(value, bool):
        raise TypeError(f"a duration must be a timedelta or a number of seconds, got {value!r}")
    length = value if isinstance(value, timedelta) else _of_seconds(value)
    if length < ZERO:
        raise ValueError(f"a duration must not be negative, got {_shown(value)}")
    return length


def moment(value: object) -> datetime:
    """`value`, an aware datetime, in UTC (SEMANTICS section 12).

    A time in a spring gap means the one after it (02:30 means 03:30); one in an autumn fold the first, unless `fold=1`.

    Raises:
        TypeError: it is no datetime.
        ValueError: it is naive, or too near to the year 1 or 9999 to be put into UTC.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"a time must be a datetime, got {value!r}")
    if value.utcoffset() is None:
        raise ValueError(f"a time must be aware (have a tzinfo), got the naive {value!r}")
    try:
        return value.replace(fold=0 if _in_gap(value) else value.fold).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value!r} can't be put into UTC: it is out of range") from None


def given_time(at: object) -> datetime:
    """What `at=` of a verb or a start means, in UTC; whatever is wrong with it is a ValueError."""
    try:
        return moment(at)
    except TypeError:
        raise ValueError(f"at= must be an aware datetime, got {at!r}") from None


def _of_seconds(value: float) -> timedelta:
    try:
        return timedelta(seconds=value)
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} seconds can't be a duration: it is out of range") from None


def _shown(value: Duration) -> str:
    """-1 day reads worse than "-2:00:00", but str(timedelta) gives "-1 day, 22:00:00"."""
    return f"-{-value}" if isinstance(value, timedelta) else f"{value} seconds"


def _in_gap(value: datetime) -> bool:
    """Whether no clock on the wall ever showed this time: there and back again gives another one."""
    shown = value.astimezone(UTC).astimezone(value.tzinfo)
    return shown.replace(tzinfo=None) != value.replace(tzinfo=None)
