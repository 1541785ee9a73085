"""What a journey answers when the motor asks: its row, what a step changed, and which store it is in."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState, Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.journey import Door, HeroT, JourneyBase
from stepper_motor.journeys.row import Row
from stepper_motor.sqlalchemy import heroes

if TYPE_CHECKING:
    from stepper_motor.sqlalchemy.motor import Motor
    from stepper_motor.sqlalchemy.roots import Root
    from stepper_motor.sqlalchemy.store import MotorStore, SessionStore


class Answers(JourneyBase[HeroT]):
    """The side of a journey that the motor sees."""

    _defined_by_home = True
    _root: ClassVar[Root]
    _first_at: datetime | None = None
    _hero: Any = None
    _hero_read = False
    _visit: Any = None
    """While the app's code runs in the library's hands: the session that was opened for it."""
    _performed_in: Any = None
    """The store in which it is or was performed."""
    _loaded_by: Motor | None = None
    """The motor that loaded it, apart from any session."""
    _departed: dict[str, Any] = {}
    """What a start gave it: if the flush fails it may be started again. Replaced, never changed."""
    _before: dict[str, Any] = {}
    """All columns as they were when the step began; replaced, never changed."""

    @property
    def _state(self) -> InstanceState[Any]:
        state: InstanceState[Any] = inspect(self)
        return state

    @property
    def _motor(self) -> Motor:
        from stepper_motor.sqlalchemy.finding import motor_of

        if self._visit:
            return self._visit.store.motor  # type: ignore[no-any-return]
        session = object_session(self)
        return self._loaded_by if session is None and self._loaded_by else motor_of(type(self), session)

    @property
    def _door(self) -> Door:
        return self._motor

    @property
    def _store(self) -> SessionStore:
        session = self._own_session
        if session is None:
            raise StepperMotorError(f"{self!r} belongs to no session: session.add() it, or load it in one")
        return self._motor.store_in(session, self._root)

    @property
    def _reading_store(self) -> MotorStore | SessionStore:
        """The caller's session is asked only within a transaction of its own: else it would be in one afterwards."""
        session = object_session(self)
        if session is None:
            return self._performed_in or self._motor.store_of(self._root)
        return self._store if session.in_transaction() else self._store.performing()

    @property
    def _own_session(self) -> Session | None:
        """The session it is in; where the library runs the app's code, the one that is opened for that."""
        return self._visit.open() if self._visit else object_session(self)

    @property
    def _row(self) -> Row:
        return Row._make([getattr(self, name) for name in Row._fields])

    @property
    def _id(self) -> Any:
        identity = self._state.identity
        return identity[0] if identity else getattr(self, self._root.key)

    @property
    def _created_at(self) -> datetime:
        return self.created_at  # type: ignore[attr-defined,no-any-return]

    @property
    def _identity(self) -> str:
        return f"{self._root.table.name}\x1f{self._id}\x1f{self._created_at.isoformat()}"

    @property
    def _unknown_type(self) -> str | None:
        type_name: str = self.type  # type: ignore[attr-defined]
        return None if self._root.journeys.find(type_name) else type_name

    @property
    def _hero_text(self) -> str | None:
        if self._root.has_hero_column:
            value = self.__dict__.get(self._root.hero_key)
            return None if value is None else f"hero {value}"
        hero_type, hero_id = self.__dict__.get("hero_type"), self.__dict__.get("hero_id")
        return None if hero_id is None else f"{hero_type or 'hero'} {hero_id}"

    # ------------------------------------------------------------------------------------------------- hero

    def _fetch_hero(self) -> Any:
        hero_type, hero_id = self.hero_type, self.hero_id  # type: ignore[attr-defined]
        if hero_type is None or hero_id is None:
            return None
        session = self._own_session
        if session is None:
            raise StepperMotorError(f"the hero of {self!r} was not loaded, and it belongs to no session")
        with session.no_autoflush:
            return heroes.fetch(self._root, hero_type, [hero_id], session).get(hero_id)

    def _hero_is_gone(self) -> bool:
        if getattr(self, self._root.hero_key) is None:
            return False
        return (self._hero if self._hero_read else self.hero) is None

    # --------------------------------------------------------------------------------- what a step changes

    def _begin(self) -> None:
        """A step begins: remember the columns, so that what it changes can be told from what it left alone."""
        values, own = self.__dict__, self._root.own
        self._before = {
            name: _kept(values[name]) if name in own else values[name]
            for name in self._root.columns if name in values
        }  # fmt: skip

    def _keep(self, names: Iterable[str]) -> None:
        """These own columns now stand in the database as they stand here."""
        self._before |= {name: _kept(self.__dict__.get(name)) for name in names if name in self._before}

    def _changes(self) -> tuple[str | None, dict[str, Any]]:
        """What the step changed: `data` as JSON, and its own columns by name."""
        own = self._changed()
        if "data" not in own:
            return None, own
        return json.dumps(own.pop("data"), allow_nan=False), own

    def _changed(self) -> dict[str, Any]:
        values, before = self.__dict__, self._before
        return {name: values[name] for name in self._root.own
                if name in before and name in values and values[name] != before[name]}  # fmt: skip

    def _hold_back(self) -> None:
        """A flush of the step's session leaves the journey's own columns alone: they are written with its settlement,
        and only as long as the performance holds the journey."""
        changed = self._state.committed_state.keys() & set(self._root.own)
        for name in changed:
            set_committed_value(self, name, self.__dict__.get(name))

    def _restore(self) -> None:
        """A rollback of the step's session does not concern the journey: what it forgot is as when the step began."""
        for name in [name for name in self._before if name not in self.__dict__]:
            set_committed_value(self, name, _kept(self._before[name]))

    # -------------------------------------------------------------------------------------- what was written

    def _refresh(self, row: Row) -> None:
        """Take over the engine's columns as they were just written."""
        self._take(row._asdict())

    def _take(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            set_committed_value(self, name, value)
        if self._before:
            self._before = self._before | values

    def _reload(self) -> None:
        """Read everything again, if the row is still there."""
        session = object_session(self)
        if session is not None and session.in_transaction():
            _refresh_in(session, self)
            return
        found = self._reading_store.load([self._id]).get(self._id)
        if found is not None:
            self._take({name: found.__dict__[name] for name in self._root.columns if name in found.__dict__})


def _refresh_in(session: Session, journey: Any) -> None:
    from sqlalchemy.exc import InvalidRequestError

    try:
        session.refresh(journey)
    except InvalidRequestError:  # its row is gone
        return


def _kept(value: Any) -> Any:
    return copy.deepcopy(value) if isinstance(value, dict | list | set) else value
