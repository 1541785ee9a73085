"""The hero of a journey: an object of any mapped class, with any kind of key."""

from __future__ import annotations

import asyncio
import enum
import uuid
from contextlib import asynccontextmanager, contextmanager
from datetime import date

import pytest
from sqlalchemy import ForeignKey, LargeBinary, String, Table, Uuid, event, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry, sessionmaker

from stepper_motor import Completed, State, step
from stepper_motor.sqlalchemy import JourneyMixin, Motor, UnknownHero, sqlite
from tests import databases
from tests.sqlalchemy.app import ASYNC, engine, url
from tests.sqlalchemy.bases import app


class Base(DeclarativeBase): ...


class Journey(JourneyMixin, Base): ...


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Account(Base):
    __tablename__ = "accounts"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(50))


class OldAccount(Base):
    """Its UUIDs are kept as 32 digits wherever it is."""

    __tablename__ = "old_accounts"
    id: Mapped[uuid.UUID] = mapped_column(Uuid(native_uuid=False), primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(50))


class Country(Base):
    __tablename__ = "countries"
    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Day(Base):
    __tablename__ = "days"
    on: Mapped[date] = mapped_column("day", primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Paint(Base):
    __tablename__ = "paints"
    colour: Mapped[Colour] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class OrderLine(Base):
    __tablename__ = "order_lines"
    order: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(50))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}


class Manager(Person):
    __tablename__ = "managers"
    id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    level: Mapped[int] = mapped_column(default=3)
    __mapper_args__ = {"polymorphic_identity": "manager"}


class Contractor(Person):
    __mapper_args__ = {"polymorphic_identity": "contractor"}


class Token(Base):
    __tablename__ = "tokens"
    id: Mapped[bytes] = mapped_column(LargeBinary(8), primary_key=True)


class OtherBase(DeclarativeBase): ...


class Guest(OtherBase):
    __tablename__ = "guests"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Greeting(Journey):
    @step
    def greet(self):
        self.data["greeted"] = f"{type(self.hero).__name__} {self.hero.name}"

    @step
    async def greet_again(self):
        self.data["again"] = (await self.ahero()).name


HEROES = {
    "a whole number": lambda: User(name="Ada"),
    "a UUID": lambda: Account(name="Ada"),
    "a UUID of 32 digits": lambda: OldAccount(name="Ada"),
    "a text": lambda: Country(code="a 'b' \"c\" é", name="Ada"),
    "a day": lambda: Day(on=date(2026, 2, 28), name="Ada"),
    "a choice": lambda: Paint(colour=Colour.BLUE, name="Ada"),
    "a composite key": lambda: OrderLine(order=uuid.uuid4(), line="a 'b' \"c\" é", name="Ada"),
    "a table that extends another": lambda: Manager(name="Ada"),
    "a class in another's table": lambda: Contractor(name="Ada"),
}
SINGLE = [kind for kind in HEROES if kind != "a composite key"]


@pytest.fixture(scope="module")
def database():
    with engine() as made:
        tables = [table for table in Base.metadata.sorted_tables if made.dialect.name != "mysql" or table is not _BYTES]
        Base.metadata.create_all(made, tables=tables)
        OtherBase.metadata.create_all(made)
        yield made


@pytest.fixture
def sessions(database):
    made = sessionmaker(database)
    made.motor = Motor(made, journeys=Journey, heroes=[Guest])
    yield made
    made.motor.close()
    _empty(database)


def _empty(database):
    with database.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table is not _BYTES:
                connection.execute(table.delete())


@asynccontextmanager
async def async_sessions(database):
    """Sessions of an async engine on the same database, and a motor for them."""
    async_engine = create_async_engine(url(ASYNC))
    sqlite.configure(async_engine)
    sessions = async_sessionmaker(async_engine, expire_on_commit=False)
    motor = Motor(sessions, journeys=Journey)
    try:
        yield sessions, motor
    finally:
        await asyncio.to_thread(motor.close)
        await async_engine.dispose()
        _empty(database)


_ANOTHER = f"{databases.name()}_another"
_BYTES: Table = Token.__table__
"""A key of bytes has no length that an index of MySQL could take."""


def statements(sessions):
    return statements_on(sessions.kw["bind"])


@contextmanager
def statements_on(database):
    """The statements on this engine, within the block."""
    seen = []

    def see(connection, cursor, statement, *_):
        seen.append(statement)

    event.listen(database, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(database, "before_cursor_execute", see)


# ------------------------------------------------------------------------------------------------------- every kind of key


@pytest.mark.parametrize("kind", HEROES)
def test_any_mapped_object_is_a_hero_by_hand_and_for_a_worker(kind, sessions):
    with sessions(expire_on_commit=False) as session:
        hero = HEROES[kind]()
        session.add(hero)
        journey = Greeting.start(session, hero)
        session.commit()
        assert journey.perform_next_step() == Completed()
        assert journey.data == {"greeted": f"{type(hero).__name__} Ada"}
        session.commit()
    sessions.motor.worker().run(once=True)
    with sessions() as session:
        journey = session.scalars(select(Journey)).one()
        assert (journey.state, journey.data["again"]) == (State.FINISHED, "Ada")
        assert type(journey.hero) is type(hero)


@pytest.mark.parametrize("kind", HEROES)
def test_so_it_is_with_an_async_engine(kind, database):
    async def course():
        async with async_sessions(database) as (sessions, motor):
            async with sessions() as session:
                hero = HEROES[kind]()
                session.add(hero)
                journey = await Greeting.astart(session, hero)
                await session.commit()
                assert await journey.aperform_next_step() == Completed()
            await asyncio.to_thread(motor.worker().run, once=True)
            async with sessions() as session:
                journey = (await session.scalars(select(Journey))).one()
                assert (journey.state, journey.data["again"]) == (State.FINISHED, "Ada")
                assert type(await journey.ahero()) is type(hero)
                assert (await session.scalars(Journey.for_hero(hero))).one() is journey

    asyncio.run(course())


@pytest.mark.parametrize("kind", SINGLE)
def test_presence_with_an_async_engine(kind, database):
    async def course():
        async with async_sessions(database) as (sessions, _), sessions() as session:
            hero = HEROES[kind]()
            session.add(hero)
            on_one = select(type(hero)).where(Greeting.presence(type(hero)))
            assert (await session.scalars(on_one)).all() == []
            await Greeting.astart(session, hero)
            assert (await session.scalars(on_one)).all() == [hero]

    asyncio.run(course())


@pytest.mark.parametrize("kind", HEROES)
def test_the_journeys_of_a_hero_are_found(kind, sessions):
    with sessions() as session:
        hero, other = HEROES[kind](), User(name="other")
        session.add_all([hero, other])
        mine, theirs = Greeting.start(session, hero), Greeting.start(session, other)
        assert session.scalars(Journey.for_hero(hero)).all() == [mine]
        assert session.scalars(Greeting.for_hero(other)).all() == [theirs]
        assert Greeting.start(session, hero, on_conflict="existing") is mine


@pytest.mark.parametrize("kind", SINGLE)
def test_heroes_that_are_on_a_journey_now_are_found_by_presence(kind, sessions):
    with sessions() as session:
        hero = HEROES[kind]()
        session.add(hero)
        model, journey = type(hero), Greeting.start(session, hero)
        assert session.scalars(select(model).where(Greeting.presence(model))).all() == [hero]
        assert session.scalars(select(model).where(~Greeting.presence(model))).all() == []
        journey.cancel()
        assert session.scalars(select(model).where(Greeting.presence(model))).all() == []


def test_no_expression_turns_a_composite_key_into_text():
    with pytest.raises(ValueError, match="OrderLine has a composite primary key"):
        Greeting.presence(OrderLine)


@pytest.mark.parametrize("kind", ["UUIDBase", "BigIntBase"])
@pytest.mark.filterwarnings("ignore:This declarative base already contains a class")
def test_presence_reads_keys_of_bytes_too(kind):
    """As advanced-alchemy keeps its UUIDs, where the database has no type for them."""
    it = app(kind)
    with engine(_ANOTHER) as database:
        it.Journey.__table__.metadata.create_all(database)
        made = sessionmaker(database)
        motor = Motor(made, journeys=it.Journey)
        with made() as session:
            ada, grace = it.User(name="Ada"), it.User(name="Grace")
            session.add_all([ada, grace])
            it.Signup.start(session, ada)
            assert session.scalars(select(it.User).where(it.Signup.presence(it.User))).all() == [ada]
            assert session.scalars(select(it.User).where(~it.Signup.presence(it.User))).all() == [grace]
        motor.close()


@pytest.mark.only_on("sqlite")
def test_a_key_that_no_text_can_stand_for_is_refused_at_the_start(sessions):
    with sessions() as session:
        session.add(token := Token(id=b"\x00\xff"))
        with pytest.raises(ValueError, match=r"has the primary key .* which can't be kept as a text"):
            Greeting.start(session, token)


# ------------------------------------------------------------------------------------------------------ heroes elsewhere


def test_a_hero_on_another_base_is_named_to_the_motor(sessions):
    with sessions() as session:
        session.add(guest := Guest(name="Ada"))
        journey = Greeting.start(session, guest)
        session.commit()
        assert journey.perform_next_step() == Completed()
        assert journey.data == {"greeted": "Guest Ada"}


def test_one_that_is_not_named_pauses_the_journey_and_says_what_to_write(sessions, database):
    class Third(DeclarativeBase): ...

    class Visitor(Third):
        __tablename__ = "visitors"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(50))

    Third.metadata.create_all(database)
    with sessions() as session:
        session.add(visitor := Visitor(name="Ada"))
        Greeting.start(session, visitor)
        session.commit()
    sessions.motor.worker().run(once=True)
    with sessions() as session:
        journey = session.scalars(select(Journey)).one()
        assert journey.state == State.PAUSED
        assert "Motor(..., heroes=[...])" in journey.history[0].message
        with pytest.raises(UnknownHero, match="no mapped class has the table 'visitors'"):
            journey.hero  # noqa: B018


def test_two_classes_on_one_table_have_to_be_told_apart():
    class Mine(DeclarativeBase): ...

    class MyJourney(JourneyMixin, Mine): ...

    class Cat(Mine):
        __tablename__ = "pets"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Dog(Mine):
        __table__ = Cat.__table__

    class Walk(MyJourney):
        @step
        def walk(self):
            self.data["walked"] = type(self.hero).__name__

    with engine(_ANOTHER) as database:
        Mine.metadata.create_all(database)
        made = sessionmaker(database)
        with made() as session:
            motor = Motor(made, journeys=MyJourney)
            session.add(dog := Dog())
            Walk.start(session, dog)
            session.commit()
            session.expunge_all()
            with pytest.raises(
                UnknownHero, match=r"the table 'pets' is that of .*Cat.* and .*Dog.*: say which by Motor"
            ):
                session.scalars(select(MyJourney)).one().hero  # noqa: B018
            motor.close()
        motor = Motor(made, journeys=MyJourney, heroes=[Dog])
        motor.worker().run(once=True)
        with made(info={"stepper_motor": motor}) as session:
            assert session.scalars(select(MyJourney)).one().data == {"walked": "Dog"}
        motor.close()


def test_of_two_tables_of_one_name_the_one_beside_the_journeys_is_meant():
    """As with several metadata on one registry (advanced-alchemy's `__bind_key__`)."""
    from sqlalchemy import MetaData

    mapped = registry()

    class Here(DeclarativeBase):
        registry = mapped

    class There(Here):
        __abstract__ = True
        metadata = MetaData()

    class Pet(Here):
        __tablename__ = "pets"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Foreign(There):
        __tablename__ = "pets"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Walk(JourneyMixin, Here):
        @step
        def walk(self): ...

    with engine(_ANOTHER) as database:
        Here.metadata.create_all(database)
        made = sessionmaker(database)
        motor = Motor(made, journeys=Walk)
        with made() as session:
            session.add(pet := Pet())
            Walk.start(session, pet)
            session.commit()
            session.expunge_all()
            assert type(session.scalars(select(Walk)).one().hero) is Pet
        motor.close()
    assert Foreign.__table__.name == Pet.__table__.name


def test_what_is_not_mapped_is_no_hero(sessions):
    with pytest.raises(TypeError, match=r"a hero is an object of a mapped class, not of 'str'"):
        Greeting(hero="Ada")


# -------------------------------------------------------------------------------------------------------- pending heroes


@pytest.mark.parametrize("kind", HEROES)
@pytest.mark.parametrize("order", ["before", "behind", "together"])
def test_a_hero_that_is_still_pending_is_flushed_in_whatever_order(order, kind, sessions):
    with sessions() as session:
        hero = HEROES[kind]()
        journey = Greeting(hero=hero)
        if order == "together":
            session.add_all([journey, hero])
        else:
            for each in [hero, journey] if order == "before" else [journey, hero]:
                session.add(each)
        session.commit()
        assert session.scalars(Journey.for_hero(hero)).one() is journey
        session.expunge_all()
        assert session.scalars(select(Journey)).one().hero.name == "Ada"


@pytest.mark.parametrize("kind", ["a whole number", "a text"])
def test_a_hero_in_no_session_is_an_error_and_not_a_journey_without_one(kind, sessions):
    with sessions() as session:
        session.add(Greeting(hero=HEROES[kind]()))
        with pytest.raises(ValueError, match=r"is in no session: session\.add\(\) it as well"):
            session.flush()


def test_a_pending_hero_takes_its_place_like_any_other(sessions):
    with sessions() as session:
        user = User(name="Ada")
        session.add_all([Greeting(hero=user), user])
        session.flush()
        assert Greeting.start(session, user, on_conflict="ignore") is None


# ---------------------------------------------------------------------------------------------------------------- gone


def test_a_hero_that_was_deleted_cancels_the_journey(sessions):
    with sessions() as session:
        session.add(user := User(name="Ada"))
        Greeting.start(session, user)
        session.commit()
        session.delete(user)
        session.commit()
    sessions.motor.worker().run(once=True)
    with sessions() as session:
        journey = session.scalars(select(Journey)).one()
        assert (journey.state, journey.hero) == (State.CANCELED, None)
        assert journey.reason == "the hero is gone"


def test_a_key_that_the_class_cannot_have_is_a_hero_that_is_gone(sessions):
    with sessions() as session:
        session.add(user := User(name="Ada"))
        Greeting.start(session, user)
        session.commit()
        table = Journey.__table__
        session.execute(table.update().values(hero_id="not a number"))
        session.commit()
        session.expunge_all()
        assert session.scalars(select(Journey)).one().hero is None


# ---------------------------------------------------------------------------------------------------------- in batches


def test_heroes_are_read_with_one_query_for_each_kind(sessions):
    with sessions() as session:
        heroes = [User(name=f"u{n}") for n in range(5)] + [Account(name=f"a{n}") for n in range(5)]
        session.add_all(heroes)
        session.add_all([Greeting(hero=hero) for hero in heroes])
        session.commit()
    with sessions() as session:
        journeys = session.scalars(select(Journey).order_by(Journey.id)).all()
        with statements(sessions) as seen:
            Journey.preload_heroes(session, journeys)
            assert sorted(journey.hero.name for journey in journeys) == sorted(
                hero.name for hero in _of(session, heroes)
            )
        reading = [statement for statement in seen if "FROM users" in statement or "FROM accounts" in statement]
        assert len(reading) == 2
        with statements(sessions) as seen:
            Journey.preload_heroes(session, journeys)
        assert seen == []


def _of(session, heroes):
    return [session.merge(hero, load=False) for hero in heroes]


def test_so_it_is_in_an_async_session(database):
    async def course():
        async with async_sessions(database) as (sessions, _):
            async with sessions() as session:
                heroes = [User(name=f"u{n}") for n in range(5)]
                session.add_all(heroes)
                session.add_all([Greeting(hero=hero) for hero in heroes])
                await session.commit()
            async with sessions() as session:
                journeys = (await session.scalars(select(Journey))).all()
                await Journey.apreload_heroes(session, journeys)
                assert sorted(journey.hero.name for journey in journeys) == [hero.name for hero in heroes]

    asyncio.run(course())


def test_a_worker_reads_the_heroes_of_a_batch_at_once(sessions):
    with sessions() as session:
        heroes = [User(name=f"u{n}") for n in range(8)]
        session.add_all(heroes)
        session.add_all([Once(hero=hero) for hero in heroes])
        session.commit()
        ids = session.scalars(select(Journey.id)).all()
    store = sessions.motor.store_of(Journey._root)
    with statements_on(store._line().connection.engine) as seen:
        loaded = store.load(ids)
    assert sorted(journey.hero.name for journey in loaded.values()) == [f"u{n}" for n in range(8)]
    assert len([statement for statement in seen if "FROM users" in statement]) == 1
    store.close()


class Once(Journey):
    @step
    def once(self): ...
