"""What is announced when a journey becomes ready: after the outer commit alone, and nothing of what was rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, ForeignKey, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from stepper_motor import State, StepperMotorError, step
from stepper_motor.motor.schedulers import ForwardScheduler
from stepper_motor.motor.ticket import Ticket
from stepper_motor.sqlalchemy import JourneyMixin, Motor, sqlite
from tests import databases
from tests.conditions import wait_until
from tests.sqlalchemy import app, errands
from tests.worker import diary

NAMES = [f"{databases.name()}_announced_{number}" for number in (1, 2)]
NEVER = 60
"""Seconds between two looks of a worker that has to be woken."""
IS_DEFERRED = databases.chosen() == "postgresql"


class Base(DeclarativeBase):
    pass


class Member(Base):
    """Has a rule that a flush breaks, and one that only a commit does (on PostgreSQL)."""

    __tablename__ = "members"
    __table_args__ = (CheckConstraint("age > 0", name="members_age"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    age: Mapped[int] = mapped_column(default=1)
    friend_id: Mapped[int | None] = mapped_column(
        ForeignKey("members.id", deferrable=IS_DEFERRED or None, initially="DEFERRED" if IS_DEFERRED else None)
    )


class Journey(JourneyMixin[Any], Base):
    pass


class Errand(Journey):
    performed: list[tuple[str, int]] = []
    hooks: list[tuple[str, int]] = []

    def after_cancel(self):
        self.hooks.append(("canceled", self.id))

    def after_pause(self):
        self.hooks.append(("paused", self.id))

    @step
    def run(self):
        self.performed.append((self.session.get_bind().url.database, self.id))


class Recorder:
    """A queue that keeps the tickets it is given."""

    max_delay = None
    is_eager = False

    def __init__(self):
        self.ids = []

    def commits_with(self, store):
        return False

    def enqueue(self, ticket, at, options):
        self.ids.append(int(Ticket.read(ticket).id))


@pytest.fixture(autouse=True)
def nothing_told():
    Errand.performed.clear()
    Errand.hooks.clear()


@pytest.fixture(scope="module")
def engines():
    """Two databases with the same tables."""
    with app.engine(NAMES[0]) as one, app.engine(NAMES[1]) as two:
        Base.metadata.create_all(one)
        Base.metadata.create_all(two)
        yield one, two


@pytest.fixture
def database(engines):
    yield engines[0]
    for engine in engines:
        with engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())


class Announced:
    """A motor whose announcements are recorded, and a session of its app."""

    def __init__(self, sessions: Any) -> None:
        self.sessions = sessions
        self.queue, self.wakes = Recorder(), []
        self.motor = Motor(sessions, journeys=Journey, scheduler=ForwardScheduler(self.queue), name="announced")

    @property
    def ids(self) -> list[int]:
        """Of the journeys that were announced, each in its turn."""
        assert len(self.wakes) == len(self.queue.ids)
        return self.queue.ids

    def run(self, request: Callable[[Session], Any]) -> Any:
        """What an app does while it handles a request: `request` gets the session, which is closed afterwards."""
        with self.sessions() as session:
            return request(session)


class AnnouncedAsync(Announced):
    def run(self, request: Callable[[Session], Any]) -> Any:
        async def handle():
            async with self.sessions() as session:
                result = await session.run_sync(request)
            await self.sessions.kw["bind"].dispose()
            return result

        return asyncio.run(handle())


@pytest.fixture(params=["sync", "async"])
def announced(request, database):
    kind, sessions = Announced, sessionmaker(database, expire_on_commit=False)
    if request.param == "async":
        kind, sessions = AnnouncedAsync, async_sessionmaker(made_async(NAMES[0]), expire_on_commit=False)
    announced = kind(sessions)
    with announced.motor.waking(lambda: announced.wakes.append(True)):
        yield announced
    announced.motor.close()


def made_async(name):
    engine = create_async_engine(app.url(app.ASYNC, name))
    sqlite.configure(engine)
    return engine


def count(session):
    return session.scalar(select(func.count()).select_from(Errand))


# ------------------------------------------------------------------------------------------------ rolled back requests


def test_a_committed_request_announces_its_journeys_after_the_commit(announced):
    def request(session):
        started = Errand.start(session).id
        added = Errand()
        session.add(added)
        assert announced.ids == []
        session.commit()
        return [started, added.id]

    assert announced.run(request) == announced.ids


def test_a_rolled_back_request_leaves_neither_row_nor_announcement(announced):
    def request(session):
        Errand.start(session)
        session.add(Errand())
        session.flush()
        session.rollback()
        return count(session)

    assert (announced.run(request), announced.ids) == (0, [])


def test_a_request_that_only_closes_its_session_leaves_neither(announced):
    def request(session):
        Errand.start(session)
        session.close()
        session.add(Member())  # the session is used again
        session.commit()
        return count(session)

    assert (announced.run(request), announced.ids) == (0, [])


def test_a_request_that_raises_leaves_neither(announced):
    def request(session):
        with suppress(OSError), session.begin():
            Errand.start(session)
            raise OSError
        return count(session)

    assert (announced.run(request), announced.ids) == (0, [])


def test_what_is_started_in_a_savepoint_is_announced_with_the_outer_commit(announced):
    def request(session):
        with session.begin():
            with session.begin_nested(), session.begin_nested():
                started = Errand.start(session).id
            assert announced.ids == []
        return [started]

    assert announced.run(request) == announced.ids


def test_a_savepoint_that_is_rolled_back_takes_its_announcements_along(announced):
    def request(session):
        with session.begin():
            before = Errand.start(session).id
            with suppress(OSError), session.begin_nested():
                Errand.start(session)
                raise OSError
            after = Errand.start(session).id
        assert count(session) == 2
        return [before, after]

    assert announced.run(request) == announced.ids


def test_a_released_savepoint_within_one_that_is_rolled_back_announces_nothing(announced):
    def request(session):
        with session.begin():
            with suppress(OSError), session.begin_nested():
                with session.begin_nested():
                    Errand.start(session)
                raise OSError
        return count(session)

    assert (announced.run(request), announced.ids) == (0, [])


def test_a_released_savepoint_within_a_request_that_is_rolled_back_announces_nothing(announced):
    def request(session):
        with session.begin_nested():
            Errand.start(session)
        session.rollback()
        session.add(Member())
        session.commit()
        return count(session)

    assert (announced.run(request), announced.ids) == (0, [])


def test_a_flush_that_fails_in_the_commit_leaves_neither(announced):
    def request(session):
        Errand.start(session)
        session.add(Member(age=-1))
        with pytest.raises(DBAPIError):
            session.commit()
        session.rollback()
        return count(session)

    assert (announced.run(request), announced.ids) == (0, [])


@pytest.mark.only_on("postgresql")
def test_a_commit_that_the_database_refuses_leaves_neither_and_the_session_is_of_use_again(announced):
    def request(session):
        Errand.start(session)
        session.add(Member(friend_id=-1))
        session.flush()
        with pytest.raises(DBAPIError):
            session.commit()
        session.rollback()
        assert (count(session), announced.ids) == (0, [])
        started = Errand.start(session).id
        session.commit()
        return [started]

    assert announced.run(request) == announced.ids


def test_a_session_that_is_used_again_after_a_rollback_announces_what_came_after_it(announced):
    def request(session):
        Errand.start(session)
        session.rollback()
        started = Errand.start(session).id
        session.commit()
        session.commit()
        return [started]

    assert announced.run(request) == announced.ids


def test_a_journey_that_was_in_the_way_is_neither_announced_nor_disturbs_what_else_is(announced):
    def request(session):
        member = Member()
        session.add(member)
        started = Errand.start(session, member).id
        assert Errand.start(session, member, on_conflict="existing").id == started
        assert Errand.start(session, member, on_conflict="ignore") is None
        session.commit()
        return [started]

    assert announced.run(request) == announced.ids


def test_an_async_request_says_the_same_in_its_own_words(database):
    async def request():
        engine = made_async(NAMES[0])
        announced = Announced(async_sessionmaker(engine, expire_on_commit=False))
        with announced.motor.waking(lambda: announced.wakes.append(True)):
            async with announced.sessions.begin() as session:
                kept = await Errand.astart(session)
                with suppress(OSError):
                    async with session.begin_nested():
                        await Errand.astart(session)
                        raise OSError
                assert announced.ids == []
            with suppress(OSError):
                async with announced.sessions.begin() as session:
                    await Errand.astart(session)
                    raise OSError
            async with announced.sessions() as session:
                assert await session.scalar(select(func.count()).select_from(Errand)) == 1
            assert announced.ids == [kept.id]
        announced.motor.close()
        await engine.dispose()

    asyncio.run(request())


# --------------------------------------------------------------------------------------------------------------- hooks


def test_a_hook_runs_after_the_outer_commit_and_not_after_a_rollback(announced):
    def request(session):
        canceled, kept, paused = [Errand.start(session) for _ in range(3)]
        session.commit()
        with session.begin_nested():
            canceled.cancel()
        with suppress(OSError), session.begin_nested():
            kept.pause()
            raise OSError
        paused.pause()
        assert Errand.hooks == []
        session.commit()
        kept.cancel()
        session.rollback()
        return [("canceled", canceled.id), ("paused", paused.id)]

    expected = announced.run(request)
    wait_until(lambda: len(Errand.hooks) >= 2)
    announced.motor.close()
    assert Errand.hooks == expected


def test_a_hook_of_what_a_closed_session_forgot_never_runs(announced):
    def request(session):
        journey = Errand.start(session)
        session.commit()
        journey.cancel()
        session.close()
        session.add(Member())
        session.commit()

    announced.run(request)
    announced.motor.close()
    assert Errand.hooks == []


# -------------------------------------------------------------------------------------------------------------- waking


@contextmanager
def at_work(*motors):
    """Within the block a worker of each works."""
    with ExitStack() as workers:
        for motor in motors:
            workers.enter_context(motor.working(concurrency=1))
        yield
    for motor in motors:
        motor.close()


def sleepy(sessions):
    """A motor whose worker looks by itself only once a minute."""
    return Motor(sessions, journeys=Journey, poll_interval=NEVER)


def start_in(sessions):
    """Starts a journey, and waits for what comes of it."""
    with sessions.begin() as session:
        journey = Errand.start(session)
    wait_until(lambda: has_finished(sessions, journey), limit=10)
    return journey.id


def has_finished(sessions, journey):
    with sessions() as session:
        return session.get(Journey, journey.id).state == State.FINISHED


def test_a_commit_wakes_the_worker_in_the_same_process(database):
    sessions = sessionmaker(database, expire_on_commit=False)
    with at_work(sleepy(sessions)):
        started = [start_in(sessions) for _ in range(3)]

    assert [id for _, id in Errand.performed] == started


def test_two_motors_on_two_databases_do_not_disturb_one_another(database, engines):
    sessions = [sessionmaker(engine, expire_on_commit=False) for engine in engines]
    motors, woken = [sleepy(each) for each in sessions], []
    with motors[1].waking(lambda: woken.append(True)), at_work(*motors):
        in_first = [start_in(sessions[0]) for _ in range(2)]
        assert woken == []
        in_second = start_in(sessions[1])

    names = [engine.url.database for engine in engines]
    assert Errand.performed == [*((names[0], id) for id in in_first), (names[1], in_second)]


def test_two_motors_on_one_database_share_the_work(database):
    one, two = (sessionmaker(database, expire_on_commit=False) for _ in range(2))
    motors = [Motor(each, journeys=Journey) for each in (one, two)]
    with at_work(*motors):
        for sessions in (one, two):
            with sessions.begin() as session:
                session.add_all([Errand() for _ in range(15)])
        wait_until(lambda: len(Errand.performed) == 30)

    assert len(set(Errand.performed)) == 30
    with one() as session:
        assert set(session.scalars(select(Errand.steps_completed))) == {1}


def test_one_motor_is_closed_and_the_other_goes_on(database):
    one, two = (sessionmaker(database, expire_on_commit=False) for _ in range(2))
    closed, works = sleepy(one), sleepy(two)
    with at_work(works):
        with at_work(closed):
            start_in(one)
        start_in(two)


def test_with_several_motors_a_session_that_is_nobodys_has_to_say_whose_it_is(database):
    motors = [Motor(sessionmaker(database), journeys=Journey) for _ in range(2)]
    with Session(database) as session:
        with pytest.raises(StepperMotorError, match=r"\d motors move the journeys of Journey"):
            Errand.start(session)
        session.rollback()
        session.info["stepper_motor"] = motors[1]
        Errand.start(session)
        session.commit()


@pytest.mark.only_on("postgresql")
@pytest.mark.processes
def test_a_commit_wakes_the_worker_of_another_process_by_notify(workers, desk):
    workers.one(poll_interval=NEVER)
    for _ in range(5):
        journey = desk.start(errands.Bidden)
        diary.open_gate(f"gate {journey.id}")
        wait_until(lambda journey=journey: desk.fresh(journey).state == State.FINISHED, limit=10)
