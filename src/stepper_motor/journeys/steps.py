"""Steps: those of a journey class, in their order, found by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import overload

from stepper_motor.journeys.declarations import Declaration, Options, step
from stepper_motor.journeys.drafts import Draft, drafts_of
from stepper_motor.journeys.durations import ZERO, duration
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.order import in_order
from stepper_motor.journeys.step import Step

__all__ = ["Declaration", "Options", "Step", "Steps", "duration", "step"]


class Steps(Sequence[Step]):
    """The steps of a journey class, as they are performed."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = tuple(steps)  # the rest is dicts: every performance looks steps up
        self._by_name = {name: each for each in self._steps for name in (*each.formerly, each.name)}
        self._following = {before.name: after for before, after in pairwise(self._steps)}
        self._previous = {after.name: before for before, after in pairwise(self._steps)}

    @classmethod
    def of(cls, journey_class: type) -> Steps:
        """Collects the steps that the class and its bases declare.

        Raises:
            DefinitionError: the class can't work as it is written; the message says what to write.
        """
        where = journey_class.__name__
        drafts = drafts_of(journey_class)
        _check_names(drafts, where)
        steps = cls(draft.step(journey_class) for draft in in_order(drafts, where))
        _check_conditions(steps, journey_class)
        _check_after(steps, where)
        return steps

    @property
    def first(self) -> Step | None:
        return self._steps[0] if self._steps else None

    @property
    def last(self) -> Step | None:
        return self._steps[-1] if self._steps else None

    @property
    def names(self) -> tuple[str, ...]:
        """Today's names, in order."""
        return tuple(each.name for each in self._steps)

    def find(self, name: str) -> Step | None:
        """The step that has this name, or had it formerly."""
        return self._by_name.get(name)

    def following(self, step: Step | str) -> Step | None:
        """The step after it; None after the last, and if there is no such step."""
        return self._following.get(self._name(step))

    def previous(self, step: Step | str) -> Step | None:
        """The step before it; None before the first, and if there is no such step."""
        return self._previous.get(self._name(step))

    def _name(self, step: Step | str) -> str:
        if isinstance(step, Step):
            return step.name
        found = self.find(step)
        return found.name if found else step

    def __contains__(self, step: object) -> bool:
        """Whether it is one of the steps, or the name, former ones too, of one."""
        return step in self._by_name if isinstance(step, str) else step in self._steps

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    @overload
    def __getitem__(self, position: int) -> Step: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Step]: ...
    def __getitem__(self, position: int | slice) -> Step | Sequence[Step]:
        return self._steps[position]

    def __repr__(self) -> str:
        return f"<Steps {', '.join(self.names)}>"


def _check_names(drafts: Sequence[Draft], where: str) -> None:
    """Today's names are all different, and no step ever had a name that another one has or had."""
    owners: dict[str, Draft] = {}
    for draft in drafts:
        for name in {draft.name, *draft.formerly}:
            other = owners.setdefault(name, draft)
            if other is not draft:
                was = "are called" if name == draft.name == other.name else "are or were called"
                raise DefinitionError(f"{where}: two steps {was} {name!r}: see {other.place} and {draft.place}")


def _check_conditions(steps: Steps, journey_class: type) -> None:
    for each in steps:
        for option, condition in (("skip_if", each.skip_if), ("only_if", each.only_if)):
            if condition is not None:
                condition.check(journey_class, f"{journey_class.__name__}: {option} of step {each.name!r}")


def _check_after(steps: Steps, where: str) -> None:
    """An `after` that is over before its turn can come is a mistake in reckoning."""
    earliest = ZERO
    for each in steps:
        if isinstance(each.after, timedelta) and each.after < earliest:
            step_before = f"the step before it is due {earliest} after the start at the earliest"
            raise DefinitionError(f"{where}: step {each.name!r} has after={each.after}, but {step_before}: give more")
        earliest = each.after if isinstance(each.after, timedelta) else earliest + (each.plain_wait or ZERO)
