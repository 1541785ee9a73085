"""A journey class, read and checked: every contradiction in it is an error now and not a surprise in three weeks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stepper_motor.journeys.by_hand import let_be_called_by_hand
from stepper_motor.journeys.conditions import Condition, cancel_conditions
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.policies import Policy, if_lost_of, options_of
from stepper_motor.journeys.steps import Step, Steps, duration

if TYPE_CHECKING:
    from stepper_motor.journeys.journey import JourneyBase

LONGEST_LEASE = timedelta(days=30)
"""A dead performer keeps its journey as long."""
LONGEST_TYPE_NAME, LONGEST_STEP_NAME = 100, 200
"""Characters that a row has room for."""

UNSET: Any = object()
"""Stands for a class setting that was not given, where None means something."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A journey class, read and found sound."""

    type_name: str
    steps: Steps
    cancel_if: tuple[Condition, ...]
    on_exception: Policy
    if_lost: str
    lease: timedelta | None
    delete_completed_after: Any
    """A timedelta, None (keep them), or UNSET (as the motor's settings say)."""
    has_hooks: frozenset[str]
    queue_options: Mapping[str, Any]
    """Those of the classes it is derived from, and its own over them."""

    def __post_init__(self) -> None:
        _check_fits(self.type_name, LONGEST_TYPE_NAME, "type name", "set type_name to a shorter one")
        for name in (name for step in self.steps for name in (step.name, *step.formerly)):
            _check_fits(name, LONGEST_STEP_NAME, "name of a step", "give a shorter name=")

    def if_lost_at(self, step: Step | None) -> str:
        return step.if_lost if step and step.if_lost else self.if_lost


HOOKS = (
    "before_step_starts", "around_step", "after_step_ends", "after_finish", "after_cancel", "after_pause",
)  # fmt: skip
SETTINGS = (
    "on_exception", "if_lost", "when_stuck", "may_proceed_without_hero", "lease", "queue_options", "type_name",
    "delete_completed_after",
)  # fmt: skip


def define(cls: type[JourneyBase[Any]]) -> None:
    """Read the class and keep what was read on it.

    Raises:
        DefinitionError: it can't work; the message says what to write instead.
    """
    where = cls.__name__
    cls.steps = Steps.of(cls)
    let_be_called_by_hand(cls, cls.steps)
    if "when_stuck" in cls.__dict__:
        if cls.__dict__.get("if_lost", cls.when_stuck) != cls.when_stuck:
            raise DefinitionError(f"{where}: when_stuck is another name for if_lost, and says otherwise: give one")
        cls.if_lost = cls.when_stuck
    if not isinstance(cls.may_proceed_without_hero, bool):
        given = cls.may_proceed_without_hero
        raise DefinitionError(f"{where}.may_proceed_without_hero must be True or False, got {given!r}")
    keep = cls.delete_completed_after
    cls.definition = Definition(
        type_name=cls.__name__ if (given_name := cls.__dict__.get("type_name")) is None else given_name,
        steps=cls.steps,
        cancel_if=cancel_conditions(cls),
        on_exception=Policy.of(cls.on_exception, f"{where}.on_exception"),
        if_lost=if_lost_of(cls.if_lost, f"{where}.if_lost"),
        lease=None if cls.lease is None else _setting(cls, "lease"),
        delete_completed_after=keep if keep is None or keep is UNSET else _setting(cls, "delete_completed_after"),
        has_hooks=frozenset(hook for hook in HOOKS if not _is_the_base_s(cls, hook)),
        queue_options=_queue_options(cls),
    )


def _queue_options(cls: type) -> Mapping[str, Any]:
    told: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        told |= options_of(vars(base).get("queue_options", {}), f"{base.__name__}.queue_options")
    return MappingProxyType(told)


def _is_the_base_s(cls: type, hook: str) -> bool:
    """Whether nobody between the class and `JourneyBase` has written this hook."""
    owner = next(base for base in cls.__mro__ if hook in vars(base))
    return "_is_journey_base" in vars(owner)


def _check_fits(name: object, most: int, what: str, advice: str) -> None:
    """Rows remember these names: one database would cut what is too long, another refuse it in three weeks."""
    if not isinstance(name, str):
        raise DefinitionError(f"the {what} must be a text, got {name!r}: {advice}")
    if "\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise DefinitionError(f"the {what} {name!r} has a character that no database keeps: {advice}")
    if not name or len(name) > most:
        raise DefinitionError(f"the {what} {name!r} has {len(name)} characters; a row has room for {most}: {advice}")


def _setting(cls: type[JourneyBase[Any]], name: str) -> timedelta:
    try:
        value = duration(getattr(cls, name))
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"{cls.__name__}.{name}: {error}") from None
    if name == "lease" and not timedelta(seconds=1) <= value <= LONGEST_LEASE:
        raise DefinitionError(f"{cls.__name__}.lease must be from a second to {LONGEST_LEASE.days} days, got {value}")
    return value
