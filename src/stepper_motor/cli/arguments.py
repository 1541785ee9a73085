"""How durations, times and numbers are written on the command line."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, _SubParsersAction
from datetime import datetime, timedelta
from typing import TypeAlias

Subcommands: TypeAlias = "_SubParsersAction[ArgumentParser]"

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "min": "minutes", "m": "minutes", "s": "seconds", "": "seconds"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*")


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def duration(text: str) -> timedelta:
    """A number of seconds, or numbers with units: `90`, `15min`, `1h30m`, `2d`."""
    parts = _PART.findall(text)
    if not parts or not re.fullmatch(f"(?:{_PART.pattern})+", text) or any(unit not in _UNITS for _, unit in parts):
        raise ArgumentTypeError(f"must be a duration such as 90 (seconds), 15min, 1h30m or 2d, got {text!r}")
    try:
        return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise ArgumentTypeError(f"must be a duration that can pass, got {text!r}") from None


def moment(text: str) -> datetime:
    """A time with its offset from UTC, in the form of ISO 8601."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a time such as 2030-01-10T12:00+01:00, got {text!r}") from None
    if at.tzinfo is None:
        raise ArgumentTypeError(f"must say how far it is from UTC, such as {text}Z or {text}+01:00")
    return at


def hero(text: str) -> tuple[str | None, str]:
    """(type, id) of a hero written as TYPE:ID, or as its id alone."""
    hero_type, colon, hero_id = text.partition(":")
    return (hero_type or None, hero_id) if colon else (None, text)
