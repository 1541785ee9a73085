"""Starting one journey for each of many heroes, in batches, with a few statements each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, inspect, select
from sqlalchemy.orm import Session

from stepper_motor.journeys.errors import AlreadyOnJourney
from stepper_motor.journeys.row import ONGOING
from stepper_motor.motor.mass_start import MassStart, Unless
from stepper_motor.motor.motor import ready_of
from stepper_motor.motor.ports import Ready
from stepper_motor.sqlalchemy import heroes
from stepper_motor.sqlalchemy.conflicts import is_conflict
from stepper_motor.sqlalchemy.finding import motor_of
from stepper_motor.sqlalchemy.starting import depart


def start_for(
    cls: Any, session: Session, selection: Select[Any], *, unless: Unless = "ongoing", key: str = "", data: Any = None,
    at: datetime | None = None, spread: timedelta | float | None = None, batch: int = 1000,
    progress: Callable[[int], object] | None = None, **fields: Any,
) -> int:  # fmt: skip
    """Start one journey for each hero of `selection` that has none.

    In batches, with a few statements each and a commit each, unless the session is in a transaction: then nothing is
    committed. Journeys that others start meanwhile are passed over.

    Args:
        selection: a SELECT of one mapped class: `select(User).where(...)`.
        unless: "ongoing": heroes that are on such a journey are passed over; "ever": those that ever were, so that
            running it again after a crash reaches everybody once.
        at: when the first steps are due (aware), instead of what their definition says.
        spread: lay the due times of the first steps evenly apart over this time (seconds or a timedelta); the heroes
            are then counted before the first journey starts.
        batch: heroes in one batch.
        progress: called after each batch with the number of journeys started so far.

    Returns:
        How many journeys were started.

    Raises:
        ValueError: an impossible argument; nothing was started. What a wait of the first step raises goes through:
            the batches before have started.
    """
    model = _checked(selection)
    starts = _Starts(cls, unless=unless, key=key, data=data, at=at, spread=spread, batch=batch, fields=fields)
    starts.session, commits = session, not session.in_transaction()
    count = starts.run(
        partial(_pages, session, model, selection, batch), progress, session.commit if commits else _later
    )
    if commits and session.in_transaction():
        session.commit()
    return count


def _later() -> None:
    """Whoever has the transaction open commits."""


def _checked(selection: Any) -> Any:
    described = selection.column_descriptions if isinstance(selection, Select) else []
    if len(described) != 1 or described[0]["entity"] is None or described[0]["expr"] is not described[0]["entity"]:
        raise ValueError(f"start_for() takes a SELECT of one mapped class, such as select(User), got {selection}")
    return described[0]["entity"]


def _pages(session: Session, model: Any, selection: Select[Any], size: int) -> Iterator[list[Any]]:
    """The heroes, each once, in batches by primary key: no cursor stays open, each batch sees what is there then."""
    keys = heroes.mapper_of(model).primary_key
    is_sliced = selection._limit_clause is not None or selection._offset_clause is not None
    if is_sliced or selection._distinct_on or len(keys) > 1:
        listed = list(session.scalars(selection).unique())  # such a query can't be continued after a key
        yield from (listed[n : n + size] for n in range(0, len(listed), size))
        return
    ordered = selection.order_by(None).order_by(keys[0]).limit(size)
    page = list(session.scalars(ordered).unique())
    while page:
        last = inspect(page[-1]).identity[0]
        yield page
        page = list(session.scalars(ordered.where(keys[0] > last)).unique())


class _Starts(MassStart):
    session: Session

    def missing(self, page: Sequence[Any]) -> list[Any]:
        """The heroes that have no journey yet."""
        cls, column = self.cls, getattr(self.cls, self.cls._root.hero_key)
        taken = select(column).where(cls.type == cls.definition.type_name, cls.key == self.key)
        if self.unless == "ongoing":
            taken = taken.where(cls.state.in_(sorted(ONGOING)))
        if cls._root.has_hero_column:
            taken = taken.where(column.in_([inspect(hero).identity[0] for hero in page]))
            found = {str(value) for value in self._there(taken)}
        else:
            types = {heroes.type_of(type(hero)) for hero in page}
            keys = [heroes.key_of(hero) for hero in page]
            found = set(self._there(taken.where(cls.hero_type.in_(types), column.in_(keys))))
        return [hero for hero in page if heroes.key_of(hero) not in found]

    @property
    def _connection(self) -> Connection:
        return self.session.connection(bind_arguments={**self.cls._root.written})

    def _there(self, statement: Select[Any]) -> Iterable[Any]:
        """What a SELECT of one column finds where journeys are written: a session may read from a copy that lags."""
        if self.session.autoflush:
            self.session.flush()
        return self._connection.execute(statement).scalars()

    def insert(self, journeys: list[Any]) -> None:
        root = self.cls._root
        motor = motor_of(self.cls, self.session)
        store: Any = motor.store_in(self.session, root)
        columns = {name: root.mapper.column_attrs[name].columns[0].name for name in root.columns}
        rows = [{columns[name]: value for name, value in journey.__dict__.items() if name in columns}
                for journey in journeys]  # fmt: skip
        with store.transaction():
            self._connection.execute(root.table.insert(), rows)
        ready = [ready_of(each) for each in journeys if each.next_step_to_be_performed_at]
        motor.announce(store, self._with_ids(ready) if motor.scheduler else ready)

    def _with_ids(self, ready: list[Ready]) -> list[Ready]:
        """The database has numbered them; a ticket needs to say which is which."""
        table, key = self.cls._root.table, self.cls._root.key_column
        asked = select(table.c.fence, key).where(table.c.fence.in_([each.fence for each in ready]))
        ids: dict[str, Any] = {fence: id for fence, id in self.session.execute(asked)}
        return [each._replace(id=ids[each.fence]) for each in ready]

    def depart(self, journey: Any, hero: Any) -> None:
        if journey._root.has_hero_column:
            setattr(journey, journey._root.hero_key, inspect(hero).identity[0])
        depart(journey)

    def is_conflict(self, error: Exception) -> bool:
        return isinstance(error, AlreadyOnJourney) or is_conflict(error)
