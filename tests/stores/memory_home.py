"""The memory home, as the contract uses it."""

from __future__ import annotations

from collections.abc import Mapping
from types import new_class
from typing import Any

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor.ports import JourneyId, Store
from stepper_motor.testing.memory import MemoryJourney, MemoryMotor
from stepper_motor.testing.store_contract.table import walk
from tests.stores.playing import PlayingHome


class MemoryHome(PlayingHome):
    def __init__(self) -> None:
        self._motor = MemoryMotor()
        self._heroes = 0

    @property
    def motor(self) -> MemoryMotor:
        return self._motor

    def define(self, name: str, members: Mapping[str, Any]) -> type[JourneyBase[Any]]:
        cls: Any = new_class(name, (MemoryJourney,), exec_body=lambda namespace: namespace.update(members))
        self.motor.add(cls)
        return cls

    def store_of(self, cls: type[JourneyBase[Any]]) -> Store:
        return self.motor.store

    def start(self, cls: Any, hero: Any = None, **options: Any) -> JourneyId:
        return cls.start(hero, **options).id

    def hero(self) -> Any:
        self._heroes += 1
        return f"hero {self._heroes}"

    def delete_hero(self, hero: Any) -> None:
        self.motor.store.heroes.let_go(hero)

    def with_columns(self) -> tuple[type[JourneyBase[Any]], Mapping[str, Any]]:
        columns = {"amount": 0, "notes": []}
        return self.define("WithColumns", {**walk(), "columns": columns}), {"amount": 12, "notes": ["a", {"b": None}]}

    def leave_open(self, journey: JourneyBase[Any]) -> JourneyId:
        self.motor.store.transaction().__enter__()
        return self.start(type(journey))

    def break_connection(self, store: Store) -> None:
        self.motor.store.database.disconnect()
