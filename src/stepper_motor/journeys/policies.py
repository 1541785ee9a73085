"""What an exception becomes (`on_exception`), and what a lost performance becomes (`if_lost`)."""

from __future__ import annotations

import random as random_numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from types import MappingProxyType
from typing import Any, Literal, cast

from stepper_motor.journeys.callables import check_takes, is_generator
from stepper_motor.journeys.durations import Duration, duration
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.spelling import did_you_mean

WORDS = ("pause", "cancel", "skip", "reattempt")


@dataclass(frozen=True, init=False)
class Reattempt:
    """Perform the step again, later and later, at most so often; then give up.

    Args:
        wait: before the second attempt (timedelta or seconds).
        backoff: by how much each wait is longer than the one before it; 1 keeps them alike.
        max_wait: the longest wait (timedelta or seconds), before jitter; an hour, or `wait` where that is longer.
        jitter: the part of the wait, from 0 to 1, by which it is at random shortened or lengthened.
        max_attempts: how many failures in a row it takes to give up, the first included; None: never.
        then: "pause" or "cancel", when it gives up.

    Raises:
        DefinitionError: a value that can't be; the message says what can.
    """

    wait: timedelta
    backoff: float
    max_wait: timedelta
    jitter: float
    max_attempts: int | None
    then: Literal["pause", "cancel"]

    def __init__(
        self,
        *,
        wait: Duration = timedelta(seconds=10),
        backoff: float = 2,
        max_wait: Duration | None = None,
        jitter: float = 0.1,
        max_attempts: int | None = 20,
        then: Literal["pause", "cancel"] = "pause",
    ) -> None:
        fixed = _fixed("wait", wait)
        longest = max(fixed, timedelta(hours=1)) if max_wait is None else _fixed("max_wait", max_wait)
        values = dict(
            wait=fixed, backoff=backoff, max_wait=longest, jitter=jitter, max_attempts=max_attempts, then=then
        )
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check()

    def delay(self, count: int, random: Callable[[], float] = random_numbers.random) -> timedelta:
        """How long to wait after `count` failures in a row (1 after the first; less counts as 1).

        Args:
            random: gives a number from 0 to 1, for the jitter.
        """
        try:
            return timedelta(seconds=self._backed_off(count) * (1 + self.jitter * (2 * random() - 1)))
        except OverflowError:
            return timedelta.max

    def gives_up_after(self, failures: int) -> bool:
        """Whether so many failures in a row, the last one included, are the limit."""
        return self.max_attempts is not None and failures >= self.max_attempts

    def _backed_off(self, count: int) -> float:
        """Seconds, without jitter."""
        seconds, longest = self.wait.total_seconds(), self.max_wait.total_seconds()
        try:
            return min(seconds * float(self.backoff) ** (max(count, 1) - 1), longest)
        except OverflowError:
            return longest if seconds else 0.0

    def _check(self) -> None:
        if self.max_wait < self.wait:
            raise DefinitionError(f"Reattempt(): max_wait ({self.max_wait}) is shorter than wait ({self.wait})")
        if not _is_number(self.backoff) or not 1 <= self.backoff < inf:
            raise DefinitionError(f"Reattempt(): backoff must be a number, 1 or more, got {self.backoff!r}")
        if not _is_number(self.jitter) or not 0 <= self.jitter <= 1:
            raise DefinitionError(f"Reattempt(): jitter must be a number from 0 to 1, got {self.jitter!r}")
        if self.max_attempts is not None and (type(self.max_attempts) is not int or self.max_attempts < 1):
            raise DefinitionError(f"Reattempt(): max_attempts must be 1 or more, or None, got {self.max_attempts!r}")
        _one_of(("pause", "cancel"), self.then, "Reattempt(): then")


Handler = Callable[[Any, Any], object]
"""Takes the journey and the error, and uses a verb; if it returns without one, the journey is paused."""

Action = Literal["pause", "cancel", "skip"] | Reattempt | Handler
"""What is to be done about one exception."""

ActionLike = Literal["pause", "cancel", "skip", "reattempt"] | Reattempt | Handler


@dataclass(frozen=True)
class Policy:
    """What the exceptions of a step become, by their class."""

    actions: Mapping[type[BaseException], Action]

    @classmethod
    def of(cls, value: object, where: str) -> Policy:
        """Reads what `on_exception` was given.

        Args:
            where: how an error message begins: whose `on_exception` it is.

        Raises:
            DefinitionError: it is none of what PolicyLike lists.
        """
        if isinstance(value, Policy):
            return value
        if isinstance(value, Mapping):
            return cls({_exception(key, where): _action(each, where) for key, each in value.items()})
        return cls({BaseException: _action(value, where)})

    def select(self, error: BaseException) -> Action | None:
        """What to do about `error`: the action of the most specific class; None if nothing matches.

        `Exception` is the rest: it takes what derives from BaseException alone, too.
        """
        for cls in (*type(error).__mro__, Exception):
            if cls in self.actions:
                return self.actions[cls]
        return None


PolicyLike = ActionLike | Mapping[type[BaseException], ActionLike] | Policy
"""What `on_exception` accepts."""


def if_lost_of(value: object, where: str) -> str:
    """Reads what `if_lost` was given; anything but "reattempt", "pause", "skip", "cancel" is a DefinitionError."""
    return _one_of(WORDS, value, where)


def _action(value: object, where: str) -> Action:
    if isinstance(value, Reattempt):
        return value
    if callable(value):
        return _handler(value, where)
    if not isinstance(value, str):
        raise DefinitionError(f"{where} must be {_either(WORDS)}, a Reattempt(...) or a function, got {value!r}")
    word = _one_of(WORDS, value, where)
    return Reattempt() if word == "reattempt" else cast(Action, word)


def _handler(value: Callable[..., Any], where: str) -> Handler:
    if value is Reattempt:
        raise DefinitionError(f"{where} is the class Reattempt: write Reattempt()")
    check_takes(value, "journey", "error", where=where)
    if is_generator(value):
        raise DefinitionError(f"{where} yields, so that calling it would run nothing: write a function that returns")
    return value


def _exception(value: object, where: str) -> type[BaseException]:
    if isinstance(value, type) and issubclass(value, BaseException):
        return value
    raise DefinitionError(f"{where}: the keys must be exception classes, got {value!r}")


def _fixed(name: str, value: object) -> timedelta:
    try:
        return duration(value)
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"Reattempt(): {name}: {error}") from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _one_of(words: tuple[str, ...], value: object, where: str) -> str:
    if isinstance(value, str) and value in words:
        return value
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    raise DefinitionError(f"{where} must be {_either(words)}, got {value!r}{hint}")


def _either(words: tuple[str, ...]) -> str:
    return ", ".join(repr(word) for word in words[:-1]) + f" or {words[-1]!r}"


def options_of(value: object, where: str) -> Mapping[str, Any]:
    """What a job queue is to be told.

    Raises:
        DefinitionError: it is no mapping from names.
    """
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise DefinitionError(f"{where} must be a mapping from names, such as {{'queue': 'slow'}}, got {value!r}")
    return MappingProxyType(dict(value))
