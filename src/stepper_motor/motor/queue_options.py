"""What a queue may be told with a ticket: the names of its options, and what each may be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

Kinds = tuple[type, ...]
NAME: Kinds = (str,)
WHOLE_NUMBER: Kinds = (int,)
NUMBER: Kinds = (int, float)
YES_OR_NO: Kinds = (bool,)
DICTIONARY: Kinds = (dict,)
QUEUE = ("queue", "queue_name")
LONGEST_NAME = 255
"""Bytes of a queue's name: what RabbitMQ takes."""
HIGHEST_PRIORITY = 255
"""What a message of RabbitMQ's has room for."""

_CALLED = {
    str: "a name", int: "a whole number", float: "a number", bool: "True or False", dict: "a dictionary",
    timedelta: "a timedelta", datetime: "a datetime",
}  # fmt: skip


def check_options(has: str, options: Mapping[str, Any], kinds: Mapping[str, Kinds]) -> None:
    """Refuse what a queue does not know.

    Args:
        has: the queue and its verb: "Celery has".

    Raises:
        ValueError: it has no such option, or not with such a value.
    """
    for name, value in options.items():
        if name not in kinds:
            raise ValueError(f"{has} no queue option {name!r}; there are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and bool not in kinds[name]):
            raise ValueError(f"{name} must be {_either(kinds[name])}, got {value!r}")
        if name in QUEUE and not 0 < len(str(value).encode()) <= LONGEST_NAME:
            raise ValueError(f"{name} must be a name of 1 to {LONGEST_NAME} bytes, got {value!r}")


def check_priority(options: Mapping[str, Any], name: str = "priority", *, highest: int = HIGHEST_PRIORITY) -> None:
    """Refuse a priority that a message has no room for: a client may take the error for a broker that is away.

    Raises:
        ValueError: it is none.
    """
    if name in options and not 0 <= options[name] <= highest:
        raise ValueError(f"{name} must be from 0 to {highest}, got {options[name]!r}")


def check_kind(name: str, value: object, kind: type, called: str) -> None:
    """Refuse an argument of a queue that is something else.

    Raises:
        TypeError: the message says what it must be.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {called}, got {value!r}")


def _either(kinds: Kinds) -> str:
    names = [_CALLED[kind] for kind in kinds if not (kind is int and float in kinds)]
    return " or ".join(names)
