"""A motor whose one table is in memory."""

from __future__ import annotations

from typing import Any

from stepper_motor.motor.motor import Motor
from stepper_motor.motor.schedulers import Scheduler
from stepper_motor.motor.settings import Settings
from stepper_motor.testing.memory.journey import MemoryJourney
from stepper_motor.testing.memory.store import MemoryStore


class MemoryMotor(Motor):
    """Moves journeys whose rows are in this process alone; a new one begins with an empty table.

    class Signup(MemoryJourney[User]): ...

    motor = MemoryMotor(Signup)
    journey = Signup.start(user)
    journey.perform_next_step()
    Worker(motor).run(once=True)
    """

    def __init__(
        self, *journeys: type[MemoryJourney[Any]], scheduler: Scheduler | None = None, **settings: Any
    ) -> None:
        """
        Args:
            journeys: the classes it knows. Journeys of theirs begin here from now on.
            scheduler: hands tickets to a queue.
            settings: as `Settings` has them.

        Raises:
            DefinitionError: two classes have one type name, or a setting is unknown or impossible.
        """
        super().__init__(Settings.of(settings), scheduler=scheduler)
        self.store = MemoryStore(self, self.settings)
        self.join(self.store)
        for cls in journeys:
            self.add(cls)

    def add(self, cls: type[MemoryJourney[Any]]) -> None:
        """Know this class, too. Journeys of it begin here from now on.

        Raises:
            DefinitionError: another class has its type name.
        """
        self.store.registry.add(cls)
        cls.motor = self

    def journeys(self) -> list[Any]:
        """A fresh object of every journey, of whatever type, in the order in which they were started."""
        return list(self.store.load(sorted(row.id for row in self.store.database.all())).values())
