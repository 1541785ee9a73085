"""What could not be performed, though it was started or will be: asked before a deploy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepper_motor.motor.motor import Motor
from stepper_motor.motor.registry import Registry
from stepper_motor.motor.schedulers import ParticularQueue, Scheduler


@dataclass(frozen=True, slots=True)
class UnknownPosition:
    """Ongoing journeys of one type that stand at one step, which this code does not know."""

    type: str
    step: str | None
    known_type: bool
    count: int

    def __str__(self) -> str:
        journeys = f"{self.count} {'journey' if self.count == 1 else 'journeys'} of type {self.type!r}"
        if not self.known_type:
            return f"{journeys}: no class of this code has that type name (set type_name where it was renamed)"
        return f"{journeys} at step {self.step!r}: the class has no such step (rename with formerly=, or jump_to())"


def unknown_positions(motor: Motor) -> list[UnknownPosition]:
    """Where ongoing journeys stand that this code could not perform."""
    return [
        UnknownPosition(type, step, store.registry.find(type) is not None, count)
        for store in motor.stores
        for type, step, count in store.positions()
        if not _is_known(store.registry, type, step)
    ]


def _is_known(registry: Registry, type: str, step: str | None) -> bool:
    cls = registry.find(type)
    return cls is not None and step is not None and cls.steps.find(step) is not None


@dataclass(frozen=True, slots=True)
class RefusedTicket:
    """A step whose tickets the job queue would not take."""

    cls: Any
    """Its journey class; None: the queue takes no ticket at all."""
    what: str
    error: ValueError

    def __str__(self) -> str:
        return f"The job queue takes no ticket for {self.what}: {self.error}"


def refused_tickets(scheduler: Scheduler | None, registries: Iterable[Registry]) -> list[RefusedTicket]:
    """What the queue says of the tickets of each step, each complaint once; and of one without options, before them."""
    if scheduler is None or not isinstance(scheduler.queue, ParticularQueue):
        return []
    refused: dict[str, RefusedTicket] = {}
    for cls, what, options in [(None, "any step", {}), *_options_of_steps(registries)]:
        try:
            scheduler.queue.check(options)
        except ValueError as error:
            refused.setdefault(str(error), RefusedTicket(cls, what, error))
    return list(refused.values())


def _options_of_steps(registries: Iterable[Registry]) -> Iterator[tuple[Any, str, Mapping[str, Any]]]:
    for registry in registries:
        for cls in registry:
            for step in cls.steps:
                yield cls, f"{cls.__name__}.{step.name}", registry.queue_options(cls.definition.type_name, step.name)
