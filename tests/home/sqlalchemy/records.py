"""Starting journeys; making, saving, reading and deleting records."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import object_session
from sqlalchemy.util import greenlet_spawn

from stepper_motor.sqlalchemy import heroes
from tests.home.sqlalchemy.committing import HomeSession, awriting, end, writing
from tests.home.sqlalchemy.models import Journey, PaymentJourney
from tests.home.sqlalchemy.sessions import ambient, fresh, motor, session_of

TRIES = 20
"""How often an app that lives with deadlocks starts a journey again."""


def start(cls: Any, hero: Any = None, *, inside: Any = None, **options: Any) -> Any:
    """Start a journey; `inside` is the journey whose step does it."""
    if inside is not None or ambient().writes:
        return _started(session_of(inside), cls, hero, options)
    for _ in range(TRIES):
        try:
            return _started(ambient(), cls, hero, options)
        except OperationalError as error:
            if not motor().stores[0].is_transient(error):
                raise
    raise AssertionError(f"{TRIES} deadlocks in a row")


def _started(session: Any, cls: Any, hero: Any, options: dict[str, Any]) -> Any:
    with writing(session):
        return cls.start(session, _in(session, hero) if hasattr(cls, "amount") else hero, **options)


def _in(session: Any, record: Any) -> Any:
    """The record, as this session has it: a foreign key's can't be in two."""
    if record is None or object_session(record) in (None, session):
        return record
    return session.get(type(record), inspect(record).identity)


async def astart(cls: Any, hero: Any = None, **options: Any) -> Any:
    async with awriting(await greenlet_spawn(fresh)) as session:
        return await cls.astart(session.kept, hero, **options)


def create(model: Any, *, inside: Any = None, **columns: Any) -> Any:
    """A new record, saved."""
    return _added(model(**columns), inside)


def create_many(model: Any, rows: Any) -> list[Any]:
    """New records with these columns each, saved."""
    with writing(ambient()) as session:
        made = [model(**columns) for columns in rows]
        session.add_all(made)
        session.flush()
    return made


def save(record: Any) -> None:
    """Write what was set by hand."""
    session = object_session(record)
    if getattr(record, "_visit", None):  # in a step, or in a hook
        record.save()
    elif session is None:
        _added(record, None)
    else:
        with writing(session):
            record.save() if isinstance(record, Journey | PaymentJourney) else session.flush()


def _added(record: Any, inside: Any) -> Any:
    with writing(session_of(inside)) as session:
        session.add(record)
        session.flush()
    return record


def reload(record: Any) -> None:
    session = object_session(record) or session_of(record)
    session.refresh(record)
    if isinstance(session, HomeSession) and not session.writes:
        end(session)


async def areload(record: Any) -> None:
    await record.session.refresh(record)


def mine(record: Any, journey: Any) -> Any:
    """The record, as the session of the journey's step has it."""
    return _in(session_of(journey), record)


def adopted(journey: Any) -> Any:
    """A journey that was performed, in a session of the caller's."""
    fresh().add(journey)
    return journey


def delete(record: Any) -> None:
    session = object_session(record) or session_of(record)
    with writing(session):
        session.delete(record)
        session.flush()


def found(record: Any, *, inside: Any = None) -> Any:
    """A fresh object, as the database has the record now; in an open transaction of a step, as that has it."""
    session = fresh()
    step = session_of(inside) if inside is not None else None
    if step is not None and (step.in_transaction() or isinstance(step.get_bind(), Connection)):
        session.place = step.connection()
    record = session.scalars(_this(record)).one()
    end(session)
    return record


async def afound(record: Any, *, inside: Any = None) -> Any:
    return await inside.session.run_sync(lambda _: found(record))


def _this(record: Any) -> Any:
    mapper = inspect(record).mapper.base_mapper
    (key, *more), identity = mapper.primary_key, inspect(record).identity
    assert not more
    return select(mapper.class_).where(key == identity[0])


def columns_of(record: Any) -> dict[str, Any]:
    """Every column, as the object has it."""
    return {attribute.key: getattr(record, attribute.key) for attribute in inspect(record).mapper.column_attrs}


def hero_type_of(model: Any) -> str:
    return heroes.type_of(model)


def table_of(model: Any) -> str:
    return str(inspect(model).local_table.name)
