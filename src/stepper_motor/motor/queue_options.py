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
