"""A home in which whole journeys are played, not the store alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from stepper_motor.journeys.outcomes import Outcome
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.ports import JourneyId, Store
from stepper_motor.testing.store_contract import StoreHome


class PlayingHome(StoreHome):
    """Performs by hand, and calls verbs, as its users do."""

    @property
    @abstractmethod
    def motor(self) -> Motor:
        """The motor that moves the journeys of the table."""

    def perform(self, store: Store, id: JourneyId) -> Outcome | None:
        """Perform the journey's next step by hand."""
        return store.load([id])[id].perform_next_step()

    def intervene(self, store: Store, id: JourneyId, verb: str, **told: Any) -> Outcome:
        """Call a verb of the journey from outside, and commit what it does."""
        outcome: Outcome = getattr(store.load([id])[id], verb)(**told)
        return outcome

    def explain(self, store: Store, id: JourneyId) -> str:
        """How the journey explains itself."""
        return str(store.load([id])[id].explain())
