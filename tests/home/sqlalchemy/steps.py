"""What steps of the tests do: they tell words, open transactions and leave them, and lose their connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from stepper_motor import AlreadyOnJourney
from tests import databases
from tests.home.connection_number import CONNECTION_NUMBER
from tests.home.sqlalchemy.committing import writing
from tests.home.sqlalchemy.models import Spy
from tests.home.sqlalchemy.places import IS_ASYNC
from tests.home.sqlalchemy.records import create
from tests.home.sqlalchemy.selections import these
from tests.home.sqlalchemy.sessions import on_its_own, session_of, stage

T = TypeVar("T")


def tell(journey: Any, word: str, **columns: Any) -> None:
    """Something that the step of this journey leaves in the database."""
    with writing(session_of(journey)) as session:
        session.add(Spy(journey_id=str(journey.id), word=word, **columns))
        session.flush()


async def atell(journey: Any, word: str) -> None:
    if not IS_ASYNC:  # where an async step has no session, and speaks in one of its own
        create(Spy, journey_id=str(journey.id), word=word)
        return
    session = journey.session
    by_itself = not session.in_transaction() and not journey._visit.store.in_atomic_step
    session.add(Spy(journey_id=str(journey.id), word=word))
    await (session.commit() if by_itself else session.flush())


def words(*, inside: Any = None) -> list[str]:
    """What steps have left there, in order."""
    return [spy.word for spy in these(Spy, inside=inside).order_by("id")]


def block(journey: Any) -> Any:
    """A transaction block that a step opens."""
    session = session_of(journey)
    return session.begin_nested() if session.in_transaction() else session.begin()


doomed_block = block


def in_a_transaction(journey: Any = None) -> bool:
    """Whether the caller's code, or that of this journey's step, is inside a transaction."""
    session = session_of(journey)
    if journey is not None and isinstance(session.get_bind(), Connection):
        return True
    transaction = session.get_transaction()
    return transaction is not None and transaction.is_active


def opens_a_transaction(journey: Any) -> None:
    """A body that opens a transaction, writes, and leaves it open."""
    session = session_of(journey)
    session.add(Spy(word="left open"))
    session.flush()


def opens_one_by_sql(journey: Any) -> None:
    sql = "INSERT INTO spies (journey_id, word, at) VALUES ('', 'by SQL', '2030-01-01 12:00:00')"
    session_of(journey).connection().exec_driver_sql(sql)


def opens_none_but_adds(journey: Any) -> None:
    """What is not flushed yet is written all the same."""
    session_of(journey).add(Spy(word="added"))


def opens_a_block(journey: Any) -> None:
    journey.block = session_of(journey).begin_nested()
    _add(journey, "in a block")


def opens_two_blocks(journey: Any) -> None:
    opens_a_block(journey)
    journey.inner = session_of(journey).begin_nested()
    _add(journey, "in an inner block")


def _add(journey: Any, word: str) -> None:
    session_of(journey).add(Spy(word=word))
    session_of(journey).flush()


LEFT_OPEN = [opens_a_transaction, opens_one_by_sql, opens_none_but_adds, opens_a_block, opens_two_blocks]


def spoil_block(journey: Any) -> None:
    """Nothing but a rollback can end the block that the step has opened."""
    session = session_of(journey)
    session.add_all([Spy(id=7, word="one"), Spy(id=7, word="two")])
    with suppress(IntegrityError, AlreadyOnJourney):
        session.flush()


def ruined() -> bool:
    """Whether the test's transaction can only be rolled back."""
    transaction = stage.place.get_transaction()
    return transaction is None or not transaction.is_active


def depth() -> int:
    """How many transaction blocks are open on the test's connection."""
    nested = stage.place.get_nested_transaction()
    return 0 if nested is None else 1


def close_connection(journey: Any = None) -> None:
    """Close the connection that the step uses."""
    session_of(journey).close()


def lose_connection(journey: Any) -> None:
    """The step's connection goes, and its transaction with it."""
    session_of(journey).connection().invalidate()


def cut_connection(journey: Any) -> None:
    """The driver's connection goes, and the ORM is not told."""
    connection = session_of(journey).connection()
    connection.connection.dbapi_connection.close()
    if connection.dialect.driver in ("aiosqlite", "asyncpg"):  # whose commit says nothing of it
        connection.exec_driver_sql("SELECT 1")


def connection_number(journey: Any) -> int:
    """By what number the server knows the step's connection, which the step keeps from now on."""
    return int(session_of(journey).scalar(text(CONNECTION_NUMBER[databases.chosen()])))


def leave_cursor_open(journey: Any) -> Iterator[Any]:
    """What steps told, read piece by piece."""
    return iter(session_of(journey).scalars(select(Spy).order_by(Spy.id).execution_options(yield_per=1)))


async def in_thread(function: Callable[[], T], *, inside: Any) -> T:
    """From an async step: call sync code that asks the database."""
    if not IS_ASYNC:
        return await asyncio.to_thread(on_its_own, function)
    return await inside.session.run_sync(lambda _: function())
