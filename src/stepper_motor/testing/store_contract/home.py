"""What the contract has to be told of a home, before it can try its store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor.ports import JourneyId, Store

T = TypeVar("T")


class StoreHome(ABC):
    """A home of the row, as the tests of the contract use it. Derive from it, and say how your home does each."""

    has_one_writer: bool = False
    """Whether nobody can write while another has written and not committed (SQLite): tests of row locks are skipped."""

    @abstractmethod
    def define(self, name: str, members: Mapping[str, Any]) -> type[JourneyBase[Any]]:
        """A journey class of that name with these members, in the table under test, known to its store.

        It may be asked for one of the same name again, in the next test: the later one counts.
        """

    @abstractmethod
    def store_of(self, cls: type[JourneyBase[Any]]) -> Store:
        """The store of the class's table."""

    @abstractmethod
    def start(self, cls: type[JourneyBase[Any]], hero: Any = None, **options: Any) -> JourneyId:
        """Start a journey, with the options that `start()` has, and commit it. Returns its key.

        Raises:
            AlreadyOnJourney: the hero is on one, and nothing stays of the attempt.
        """

    @abstractmethod
    def hero(self) -> Any:
        """A new record that can be a hero, committed. It equals any other object of the same record."""

    @abstractmethod
    def delete_hero(self, hero: Any) -> None:
        """Delete its record, whatever journeys it is on."""

    @abstractmethod
    def with_columns(self) -> tuple[type[JourneyBase[Any]], Mapping[str, Any]]:
        """A journey class with columns of its own, and values for some of them, other than those they begin with."""

    @abstractmethod
    def leave_open(self, journey: JourneyBase[Any]) -> JourneyId:
        """Start a journey in a transaction that is not ended, as the body of a step of `journey` might by mistake.

        Returns the key of the new one.
        """

    @abstractmethod
    def break_connection(self, store: Store) -> None:
        """Break the connection of the app's transaction in which `store` is, so that its commit fails."""

    def in_app_transaction(self, store: Store, function: Callable[[Store], T]) -> T:
        """What `function` gives in a transaction as the app opens one; what it raises rolls back, and is raised here.

        It is called with the store as a verb finds it there: the same one, if the home has no other for that.
        """
        with store.transaction():
            return function(store)
