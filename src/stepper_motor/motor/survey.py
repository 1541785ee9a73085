"""What stands in the tables and this code does not know: asked before a deploy."""

from __future__ import annotations

from dataclasses import dataclass

from stepper_motor.motor.motor import Motor
from stepper_motor.motor.registry import Registry


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
