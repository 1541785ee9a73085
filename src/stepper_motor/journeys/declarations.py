"""`@step`: how a step is declared in a class body. What it is in the class is in `step.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

from stepper_motor.journeys.callables import check_takes, is_async, is_generator
from stepper_motor.journeys.class_body import ClassBody, Mark
from stepper_motor.journeys.condition import Condition, ConditionLike
from stepper_motor.journeys.durations import Duration, Wait, duration
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.policies import Policy, PolicyLike, if_lost_of, options_of
from stepper_motor.journeys.spelling import did_you_mean

Body = TypeVar("Body", bound=Callable[[Any], Any])


class Options(TypedDict, total=False):
    """The options of `step`. What is not given, or None, is the default, except that a condition None is false."""

    name: str | None
    """What is stored in the row; the name of the method or attribute by default."""
    wait: Duration | Callable[[Any], Duration] | None
    """From the end of the step before it, or from the creation of the journey (timedelta or seconds)."""
    after: Duration | Callable[[Any], Duration] | None
    """From the creation of the journey (timedelta or seconds)."""
    at: Callable[[Any], datetime] | None
    """The very time, an aware one."""
    before_step: str | None
    """The name of the step right before which this one is performed, wherever it stands."""
    after_step: str | None
    """The name of the step right after which this one is performed, wherever it stands."""
    skip_if: ConditionLike
    """The step is passed over if this holds when it is due."""
    only_if: ConditionLike
    """The step is passed over if this does not hold when it is due."""
    on_exception: PolicyLike | None
    """What an exception becomes; as the class says by default."""
    if_lost: Literal["reattempt", "pause", "skip", "cancel"] | None
    """What happens if the performer vanishes; as the class says by default."""
    timeout: Duration | None
    """How long the body may take (timedelta or seconds)."""
    atomic: bool
    """Whether the body and the progress of the journey share one transaction."""
    formerly: str | Iterable[str]
    """The names that the step had before, the oldest first."""
    queue_options: Mapping[str, Any]
    """Handed to the job queue with the step's ticket, over those of the class (a queue name, a priority)."""
    times: int
    """How many steps it makes: `name`, `name_2` ..."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Declaration(Mark):
    """What `step` was told; the mark on a step's function; and, called with a function, the decorator."""

    name: str | None = None
    wait: Wait | None = None
    after: Wait | None = None
    at: Callable[[Any], datetime] | None = None
    before_step: str | None = None
    after_step: str | None = None
    skip_if: Condition | None = None
    only_if: Condition | None = None
    on_exception: Policy | None = None
    if_lost: str | None = None
    timeout: timedelta | None = None
    atomic: bool = False
    formerly: tuple[str, ...] = ()
    queue_options: Mapping[str, Any] = field(default_factory=dict)
    times: int = 1

    def __call__(self, function: Body, /) -> Body:
        """Makes a step of `function`, which stays what it was.

        Raises:
            DefinitionError: it can't be a step's body.
        """
        return self._mark(function, ClassBody(sys._getframe(1)))

    def _mark(self, function: Body, body: ClassBody) -> Body:
        _check_body(function)
        mark = replace(self, file=body.file, line=body.line)
        body.forget(self)
        return body.put(mark, function)  # type: ignore[return-value]  # a wrapper is called like what it wraps


@overload
def step(function: Body, /, **options: Unpack[Options]) -> Body: ...
@overload
def step(**options: Unpack[Options]) -> Declaration: ...
def step(function: Any = None, /, **options: Any) -> Any:
    """Declares a step of a journey.

    `@step` and `@step(...)` make a step of a method, which stays an ordinary method. `name = step(callable, ...)` in
    the class body makes one of any callable that takes the journey; a list of such in the class body makes several.

    Args:
        function: the body.
        options: see `Options`.

    Raises:
        DefinitionError: unknown, contradictory or impossible options. What depends on the whole class, such as
            the name of another step, is told when the class is defined.
    """
    body = ClassBody(sys._getframe(1))
    declaration = Declaration(file=body.file, line=body.line, **_read(options))
    if function is not None:
        return declaration._mark(function, body)
    body.note(declaration)
    return declaration


def _read(options: Mapping[str, Any]) -> dict[str, Any]:
    for option in options:
        if option not in _READERS:
            raise DefinitionError(f"step() has no option {option!r}{did_you_mean(option, _READERS) or _listed()}")
    given = {option: value for option, value in options.items() if value is not None or option in _CONDITIONS}
    for one, other in _CONTRADICTIONS:
        if one in given and other in given:
            raise DefinitionError(f"step(): give {one} or {other}, not both")
    return {option: _READERS[option](value, f"step(): {option}") for option, value in given.items()}


def _listed() -> str:
    return f"; there are {', '.join(_READERS)}"


def _check_body(function: object) -> None:
    if isinstance(function, (staticmethod, classmethod, property)):
        raise DefinitionError(f"a step must be a plain method, got a {type(function).__name__}")
    if not callable(function):
        raise DefinitionError(f"step() must be given a function that takes the journey, got {function!r}")
    check_takes(function, "journey", where="the body of a step")
    if is_generator(function):
        raise DefinitionError("the body of a step yields, so that calling it would run nothing: take the `yield` out")


def _name(value: object, where: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise DefinitionError(f"{where} must be the name of a step, a string that is not empty, got {value!r}")


def _names(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (_name(value, where),)
    return tuple(_name(each, where) for each in value)


def _fixed(value: object, where: str) -> timedelta:
    try:
        return duration(value)
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"{where}: {error}") from None


def _wait(value: object, where: str) -> Wait:
    return _given(value, where) if callable(value) else _fixed(value, where)


def _given(value: object, where: str) -> Callable[[Any], Any]:
    if not callable(value):
        raise DefinitionError(f"{where} must be a callable that takes the journey, got {value!r}")
    check_takes(value, "journey", where=where)
    if is_async(value) or is_generator(value):
        raise DefinitionError(f"{where} must be an ordinary function: it can be neither async nor a generator")
    return value


def _timeout(value: object, where: str) -> timedelta:
    length = _fixed(value, where)
    if not length:
        raise DefinitionError(f"{where} must be more than 0: no step could end in time")
    return length


def _atomic(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise DefinitionError(f"{where} must be True or False, got {value!r}")


def _times(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise DefinitionError(f"{where} must be an int, 1 or more, got {value!r}")


_READERS: dict[str, Callable[[object, str], object]] = {
    "name": _name,
    "wait": _wait,
    "after": _wait,
    "at": _given,
    "before_step": _name,
    "after_step": _name,
    "skip_if": Condition.of,
    "only_if": Condition.of,
    "on_exception": Policy.of,
    "if_lost": if_lost_of,
    "timeout": _timeout,
    "atomic": _atomic,
    "formerly": _names,
    "queue_options": options_of,
    "times": _times,
}
_CONDITIONS = ("skip_if", "only_if")
_CONTRADICTIONS = (
    ("skip_if", "only_if"),
    ("before_step", "after_step"),
    ("wait", "after"),
    ("wait", "at"),
    ("after", "at"),
)
