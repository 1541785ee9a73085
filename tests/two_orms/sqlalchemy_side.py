"""The SQLAlchemy service of the two that share a database: its mapped classes, its journeys, and what a test does with
them.

    python -m stepper_motor --app tests.two_orms.sqlalchemy_side worker
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Engine, Integer, NullPool, String, Uuid, create_engine, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from stepper_motor import step
from stepper_motor.journeys.row import Row
from stepper_motor.sqlalchemy import JourneyMixin, Motor, sqlite
from tests import databases
from tests.sqlalchemy.app import ASYNC, SYNC, url
from tests.two_orms.seen import ENTRY, Seen
from tests.worker import diary

DRIVER = "STEPPER_MOTOR_TEST_DRIVER"
"""The environment variable that says which driver a worker process has: a sync or an async one."""
BIG_KEY = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    pass


class Customer(Base):
    """The other's table, as far as it is needed here."""

    __tablename__ = "shop_customer"

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254), default="")
    deactivated: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class Account(Base):
    __tablename__ = "shop_account"

    id: Mapped[uuid.UUID] = mapped_column(Uuid(), primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(100), default="")


class OrderLine(Base):
    __tablename__ = "shop_orderline"

    order_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[str] = mapped_column(String(10), primary_key=True)


class Spy(Base):
    __tablename__ = "shop_spy"

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    journey_id: Mapped[str] = mapped_column(String(50))
    word: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class Journey(JourneyMixin[Any], Base):
    pass


class Parcel(Journey):
    """Of the other's class it has the name and the steps; each has bodies of its own."""

    type_name = "Parcel"

    @step
    def pack(self):
        self.data["packed"] = ["sqlalchemy", self.hero.name if self.hero else None]

    @step(wait=timedelta(hours=1))
    def send(self):
        self.data["sent"] = ["sqlalchemy", self.idempotency_key, self.round_key]

    @step
    def deliver(self):
        raise RuntimeError("nobody was at home: 'ünzustellbar'")


class Runner(Journey):
    __abstract__ = True

    def tell(self, word):
        diary.write(self.id, f"{word} sqlalchemy")
        self.session.add(Spy(journey_id=str(self.id), word=word))


if os.environ.get(DRIVER) == "async":

    class Relay(Runner):
        """In this process its steps are awaited; in the others they are not."""

        type_name = "Relay"

        @step
        async def one(self):
            self.tell("one")

        @step(wait=0.02)
        async def two(self):
            self.tell("two")

        @step
        async def three(self):
            self.tell("three")

else:

    class Relay(Runner):  # type: ignore[no-redef]
        type_name = "Relay"

        @step
        def one(self):
            self.tell("one")

        @step(wait=0.02)
        def two(self):
            self.tell("two")

        @step
        def three(self):
            self.tell("three")


class OnlyInSqlAlchemy(Journey):
    @step
    def work(self): ...


def engine(**options: Any) -> Engine:
    """Leads to the database of the Django project."""
    made = create_engine(url(SYNC, databases.name()), **options)
    sqlite.configure(made)
    return made


def _sessions(driver: str) -> Any:
    if driver == "sync":
        return sessionmaker(engine())
    made = create_async_engine(url(ASYNC, databases.name()))
    sqlite.configure(made)
    return async_sessionmaker(made, expire_on_commit=False)


if DRIVER in os.environ:
    settings = json.loads(os.environ.get("STEPPER_MOTOR_TEST_SETTINGS", "{}"))
    motor = Motor(_sessions(os.environ[DRIVER]), journeys=Journey, **settings)


class SqlAlchemySide:
    """What the SQLAlchemy service does, told in the words of both."""

    name = "sqlalchemy"
    own = "OnlyInSqlAlchemy"
    classes: dict[str, Any] = {"Parcel": Parcel, "Relay": Relay, "OnlyInSqlAlchemy": OnlyInSqlAlchemy}
    models: dict[str, Any] = {"Customer": Customer, "Account": Account, "OrderLine": OrderLine}

    def __init__(self) -> None:
        self.sessions = sessionmaker(engine(poolclass=NullPool), expire_on_commit=False)
        self.motor = Motor(self.sessions, journeys=Journey)

    def create(self, model: str, **fields: Any) -> Any:
        """Returns its primary key."""
        with self.sessions.begin() as session:
            session.add(made := self.models[model](**fields))
            session.flush()
            key = made.__mapper__.primary_key_from_instance(made)
        return key[0] if len(key) == 1 else tuple(key)

    def start(self, name: str, hero: tuple[str, Any] | None = None, **options: Any) -> int | None:
        with self.sessions.begin() as session:
            found = session.get(self.models[hero[0]], hero[1]) if hero else None
            journey = self.classes[name].start(session, found, **options)
            return journey and journey.id

    def start_for_all(self, name: str, **options: Any) -> int:
        with self.sessions() as session:
            return int(self.classes[name].start_for(session, select(Customer), **options))

    def tell(self, id: int, verb: str, *told: Any, **named: Any) -> Any:
        with self.sessions() as session:
            journey = session.get(Journey, id)
            session.commit()
            result = getattr(journey, verb)(*told, **named)
            session.commit()
            return result

    def tell_loaded(self, journey: Any, verb: str, **named: Any) -> Any:
        with self.sessions.begin() as session:
            session.add(journey)
            return getattr(journey, verb)(**named)

    def loaded(self, id: int) -> Any:
        with self.sessions() as session:
            return session.get(Journey, id)

    def cancel_all(self, name: str) -> Any:
        with self.sessions() as session:
            return self.classes[name].cancel_all(session, by="sqlalchemy")

    def ids(self, name: str, state: str) -> list[int]:
        cls = Journey if name == "Journey" else self.classes[name]
        with self.sessions() as session:
            return [journey.id for journey in session.scalars(select(cls).where(cls.state == state).order_by(cls.id))]

    def of_hero(self, hero: tuple[str, Any]) -> list[int]:
        with self.sessions() as session:
            found = Journey.for_hero(session.get(self.models[hero[0]], hero[1])).order_by(Journey.id)
            return [journey.id for journey in session.scalars(found)]

    def present(self, name: str) -> list[Any]:
        """The customers who are on such a journey."""
        with self.sessions() as session:
            return list(session.scalars(select(Customer.id).where(self.classes[name].presence(Customer))))

    def look(self, id: int) -> Seen:
        """Everything that it knows of a journey."""
        with self.sessions() as session:
            journey = session.get(Journey, id)
            assert journey is not None
            entries = [tuple(getattr(entry, name) for name in ENTRY) for entry in journey.history]
            return Seen(
                type(journey).__name__, journey.type, journey.hero_type, journey.hero_id, journey.key,
                journey.allow_multiple, journey.data, journey.created_at, Row._make(journey._row), entries,
            )  # fmt: skip

    def hero_of(self, id: int) -> Any:
        """Its primary key."""
        with self.sessions() as session:
            hero = session.get(Journey, id).hero
            key = hero.__mapper__.primary_key_from_instance(hero)
            return key[0] if len(key) == 1 else tuple(key)

    def roll_back_a_start(self, name: str) -> None:
        with self.sessions() as session:
            self.classes[name].start(session)
            session.rollback()
