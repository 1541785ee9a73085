"""Which journey classes a process knows: what it may claim, recover and delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from stepper_motor.journeys.definition import UNSET
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.journey import JourneyBase

SEPARATOR = "\x1f"


class Registry:
    """The journey classes of one table, by the name that rows remember."""

    def __init__(self) -> None:
        self._classes: dict[str, type[JourneyBase[Any]]] = {}
        self._positions: dict[str, tuple[str, ...]] = {}
        """By kind; asked for with each claim."""

    def add(self, cls: type[JourneyBase[Any]]) -> None:
        """Know this class; one that was defined again (a reload) replaces the earlier."""
        name = cls.definition.type_name
        known = self._classes.get(name)
        if known and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise DefinitionError(
                f"{cls.__module__}.{cls.__qualname__} and {known.__module__}.{known.__qualname__} both have the type "
                f"name {name!r}: set type_name on one of them"
            )
        self._classes[name] = cls
        self._positions = {}  # another one: who has the old one in hand may write into that

    def remove(self, cls: type[JourneyBase[Any]]) -> None:
        """Forget the class; its rows stay, as those of an unknown type."""
        self._classes.pop(cls.definition.type_name, None)
        self._positions = {}

    def find(self, type_name: str) -> type[JourneyBase[Any]] | None:
        return self._classes.get(type_name)

    def __iter__(self) -> Iterator[type[JourneyBase[Any]]]:
        return iter(tuple(self._classes.values()))

    def __len__(self) -> int:
        return len(self._classes)

    @property
    def types(self) -> list[str]:
        return list(self._classes)

    def positions(self, kind: str = "any") -> tuple[str, ...]:
        """Every (type, next step) this process can perform, former names and none included, joined by SEPARATOR."""
        known = self._positions
        found = known.get(kind)
        if found is None:
            found = known[kind] = tuple(
                f"{name}{SEPARATOR}{step}"
                for name, cls in tuple(self._classes.items())
                for step in (*([""] if kind != "async" else []), *_names(cls, kind))
            )
        return found

    def standing_at(self, step: str) -> list[tuple[str, str]]:
        """Every (type, name) under which rows may remember a step that has, or had, this name; itself left out."""
        found = [(name, known) for name, cls in self._classes.items() if (known := cls.steps.find(step))]
        return [(type, name) for type, known in found for name in (known.name, *known.formerly) if name != step]

    @property
    def has_async_steps(self) -> bool:
        return any(step.is_awaited for cls in self._classes.values() for step in cls.steps)

    def only(self, types: Iterable[str]) -> Registry:
        """A registry that knows these of the types alone.

        Raises:
            DefinitionError: one of them is not known.
        """
        narrowed = Registry()
        for name in types:
            cls = self._classes.get(name)
            if cls is None:
                near = get_close_matches(name, self._classes, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self._classes) or 'none'}"
                raise DefinitionError(f"there is no journey type {name!r}: {hint}")
            narrowed._classes[name] = cls
        return narrowed

    def queue_options(self, type_name: str, step_name: str | None) -> Mapping[str, Any]:
        """What is handed to a queue with a ticket: the class's options, and the step's over them."""
        cls = self._classes.get(type_name)
        if cls is None:
            return {}
        step = cls.steps.find(step_name) if step_name else None
        return {**cls.definition.queue_options, **(step.queue_options if step else {})}

    def leases(self) -> dict[str, timedelta]:
        """The leases of the classes that set their own."""
        return {name: cls.definition.lease for name, cls in self._classes.items() if cls.definition.lease}

    def retentions(self, default: timedelta | None) -> dict[timedelta, list[str]]:
        """How long ended journeys are kept -> of which types. Those that are kept for ever are not in it."""
        kept: dict[timedelta, list[str]] = {}
        for name, cls in self._classes.items():
            after = cls.definition.delete_completed_after
            after = default if after is UNSET else after
            if after is not None:
                kept.setdefault(after, []).append(name)
        return kept


def _names(cls: type[JourneyBase[Any]], kind: str) -> list[str]:
    wanted = [step for step in cls.steps if kind == "any" or step.is_awaited == (kind == "async")]
    return [name for step in wanted for name in (step.name, *step.formerly)]
