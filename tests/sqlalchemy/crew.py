"""Worker processes of the service, and what the tests ask its database."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import sessionmaker

from stepper_motor.sqlalchemy import Motor
from tests.sqlalchemy.errands import Journey, Note
from tests.worker.processes import Crew, Process

PROGRAM = ("stepper_motor", "--app", "tests.sqlalchemy.service")


class Workers:
    """Starts them."""

    def __init__(self, crew: Crew, environment: Mapping[str, str]) -> None:
        self._crew = crew
        self._environment = environment

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None, **settings: Any) -> Process:
        """Any command of the program; `settings` are those of its motor."""
        told = {**self._environment, **(environment or {})}
        return self._crew.start(*arguments, program=PROGRAM, environment=told, **settings)

    def one(self, *arguments: str, environment: Mapping[str, str] | None = None, **settings: Any) -> Process:
        """A worker that has begun to work."""
        return self.start("worker", *arguments, environment=environment, **settings).works()


class Desk:
    """Where a test starts journeys and looks at them, each time in a session of its own."""

    def __init__(self, sessions: sessionmaker[Any]) -> None:
        self._sessions = sessions
        self._motor = Motor(sessions, journeys=Journey)

    def start(self, cls: Any, **options: Any) -> Any:
        return self.start_many(cls, 1, **options)[0]

    def start_many(self, cls: Any, number: int, **options: Any) -> list[Any]:
        with self._sessions.begin() as session:
            return [cls.start(session, **options) for _ in range(number)]

    def fresh(self, journey: Any) -> Any:
        """The journey as it stands in the database, with its history."""
        with self._sessions() as session:
            found = session.get(Journey, journey.id)
            assert found is not None
            assert found.history is not None
            return found

    def tell(self, journey: Any, verb: str, *told: Any, **named: Any) -> Any:
        """A verb on the journey as it stands."""
        with self._sessions.begin() as session:
            return getattr(session.get(Journey, journey.id), verb)(*told, **named)

    def states(self, cls: Any) -> dict[str, int]:
        """How many journeys of this class are in each state."""
        with self._sessions() as session:
            counted = select(cls.state, func.count()).where(cls.type == cls.__name__).group_by(cls.state)
            return {str(state): count for state, count in session.execute(counted)}

    def all_finished(self, cls: Any) -> bool:
        return set(self.states(cls)) == {"finished"}

    def notes(self, journey: Any = None) -> list[str]:
        """What steps have written through their sessions."""
        words = select(Note.word).order_by(Note.id)
        with self._sessions() as session:
            return list(session.scalars(words if journey is None else words.where(Note.journey_id == journey.id)))

    def close(self) -> None:
        self._motor.close()


def outcomes(journey: Any) -> list[str]:
    return [entry.outcome for entry in journey.history]


def connections_to(engine: Engine) -> list[int]:
    """The numbers of the connections that the server has open to this database, but for the one that asks."""
    asked = {
        "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        "mysql": "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
    }[engine.dialect.name]
    with engine.connect() as connection:
        return list(connection.scalars(text(asked)))


def kill_connections(engine: Engine) -> int:
    """End all of them; returns how many."""
    end = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL CONNECTION {}"}[engine.dialect.name]
    numbers = connections_to(engine)
    with engine.connect() as connection:
        for number in numbers:
            with suppress(DBAPIError):  # it has ended by itself meanwhile
                connection.exec_driver_sql(end.format(number))
    return len(numbers)
