"""The table under test: journeys in it, what others do to them meanwhile, and what stands in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from stepper_motor.journeys.declarations import step
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.lifecycle import Ending, Problem
from stepper_motor.journeys.outcomes import Completed, Outcome
from stepper_motor.journeys.row import Destination, Entry, Onward, Row, State, Transition
from stepper_motor.motor import clock
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Holding, JourneyId, Record, Settlement, Store, Wanted
from stepper_motor.testing.store_contract.home import StoreHome

T = TypeVar("T")
ME, ANOTHER = "worker 1", "worker 2"
HOUR = timedelta(hours=1)
LIMIT = 20.0
"""Seconds a test waits for a thread."""


class Undone(Exception):
    """Raised in a transaction that a test has rolled back."""


def walk() -> dict[str, Any]:
    """The members of the journey that most tests start."""

    async def second(self: Any) -> None: ...

    return {
        "first": step(lambda self: None, name="first"),
        "second": step(second, wait=HOUR, name="second"),
        "third": step(lambda self: None, name="third"),
    }


def unchanged(row: Row, now: datetime) -> Transition:
    """Decides that everything stays as it is: what is left is the lock."""
    return Transition(row)


class Table:
    """The table of a home, with a class of three steps in it."""

    def __init__(self, home: StoreHome, cls: type[JourneyBase[Any]] | None = None) -> None:
        self.home = home
        self.Walk = cls or home.define("ContractWalk", walk())
        """What is started here, if nothing else is said."""
        self.store: Store = home.store_of(self.Walk)

    def start(self, hero: Any = None, *, cls: type[JourneyBase[Any]] | None = None, **options: Any) -> JourneyId:
        return self.home.start(cls or self.Walk, hero, **options)

    def load(self, id: JourneyId) -> Any:
        """A fresh object."""
        return self.store.load([id])[id]

    def claimed(self, holder: str = ME, **options: Any) -> JourneyId:
        """A journey that a performer has just taken."""
        id = self.start(**options)
        assert self.store.claim(id, None, holder) is not None
        return id

    def put(self, id: JourneyId, **columns: Any) -> None:
        """Give the row these values of the engine's columns."""
        self.store.change(id, lambda row, now: Transition(row._replace(**columns)))

    def delete(self, id: JourneyId) -> None:
        """End it, whoever holds it, and delete it."""
        now = clock.now()
        self.put(id, state=State.CANCELED, ended_at=now, performed_by=None, lease_expires_at=None)
        assert self.store.delete_ended([id], now) == 1

    def record(self, id: JourneyId) -> Record | None:
        found = self.store.find(Wanted(id=id), 1)
        return found[0] if found else None

    def row(self, id: JourneyId) -> Row:
        record = self.record(id)
        assert record is not None, f"there is no journey {id!r}"
        return record.row

    def told(self, id: JourneyId) -> list[Entry]:
        return self.store.entries(id, 1000)

    def holding(self, id: JourneyId) -> Holding:
        return Holding(id, self.row(id).fence)

    def ended(
        self, id: JourneyId, outcome: Outcome | None = None, to: Destination | None = None,
        problem: Problem | None = None, **parts: Any,
    ) -> Settlement:  # fmt: skip
        """How the performance that holds the journey ended: normally and on to `second` in an hour, if not told."""
        row, now = self.row(id), clock.now()
        leads = to or Onward("second", now + HOUR)
        ending = Ending(row.next_step_name, outcome or Completed(), True, now, leads, problem)
        given = {"holder": ME, "ending": ending, "now": now, "new_fence": new_fence(), **parts}
        return Settlement(id, row, **given)

    def settle(self, settlement: Settlement, *, patient: bool = False) -> Transition:
        """Settle this one, which must be written, or have been written before."""
        done, locked = self.store.settle([settlement], patient=patient)
        transition = done[settlement.id]
        assert locked == []
        assert transition is not None, "its performer does not hold it"
        return transition

    def elsewhere(self, function: Callable[[], T]) -> T:
        """What `function` gives in another thread, on a connection of its own; what it raises is raised here."""
        return self.side_by_side(function)[0]

    def side_by_side(self, *functions: Callable[[], T]) -> list[T]:
        """What each gives, all of them in threads at the same time."""
        answers: dict[int, T] = {}
        errors: list[BaseException] = []

        def run(number: int, function: Callable[[], T]) -> None:
            try:
                answers[number] = function()
            except BaseException as error:
                errors.append(error)
            finally:
                self.store.close()

        threads = [threading.Thread(target=run, args=each) for each in enumerate(functions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert not any(thread.is_alive() for thread in threads), "the other thread waits for something"
        if errors:
            raise errors[0]
        return [answers[number] for number in range(len(functions))]

    def insisting(self, function: Callable[[], T]) -> T:
        """What `function` gives when the database is not busy."""
        while True:
            try:
                return function()
            except Exception as error:
                if not self.store.is_transient(error):
                    raise

    def error_of(self, function: Callable[[], object]) -> Exception:
        """What `function` raises, of whatever class: the database's driver has its own."""
        try:
            function()
        except Exception as error:
            return error
        raise AssertionError("nothing was raised")

    @contextmanager
    def rolled_back(
        self, error: BaseException | None = None, block: AbstractContextManager[None] | None = None
    ) -> Iterator[None]:
        """Within the block, a transaction that is rolled back, since at its end something is raised in it."""
        undone = error or Undone()
        try:
            with block or self.store.transaction():
                yield
                raise undone
        except type(undone) as raised:
            if raised is not undone:
                raise

    @contextmanager
    def locked(self, id: JourneyId) -> Iterator[Callable[[], None]]:
        """Within the block, a transaction elsewhere has the row locked; call what it gives to end that before."""
        has, release = threading.Event(), threading.Event()

        def hold() -> None:
            try:
                with self.store.transaction():
                    self.store.change(id, unchanged)
                    has.set()
                    release.wait(LIMIT)
            finally:
                self.store.close()

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            assert has.wait(LIMIT), "the row could not be locked"
            yield release.set
        finally:
            release.set()
            thread.join(LIMIT)
