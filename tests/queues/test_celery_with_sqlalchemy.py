"""Celery performs the journeys of a service with SQLAlchemy, on sync and on async drivers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from stepper_motor import ForwardScheduler
from stepper_motor.queues.celery import CeleryQueue
from stepper_motor.sqlalchemy import Motor
from tests.conditions import wait_until
from tests.queues.celery_system import CelerySystem
from tests.queues.on_sqlalchemy import DONE, Sweeping, finished, sessions  # noqa: F401  # a fixture
from tests.queues.sweeping import LIMIT
from tests.queues.systems import at_work
from tests.sqlalchemy import service
from tests.sqlalchemy.errands import Gated, Journey, Note, Short, of
from tests.worker import diary
from tools.brokers import Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]


class ServiceSystem(CelerySystem):
    module = "tests.queues.celery_service"
    driver = "sync"

    def environment(self):
        return {**super().environment(), service.DRIVER: self.driver, "DJANGO_SETTINGS_MODULE": ""}


class AsyncServiceSystem(ServiceSystem):
    driver = "async"


@pytest.fixture(scope="module")
def broker():
    with running(Redis) as broker:
        yield broker


@pytest.fixture(scope="class", params=[ServiceSystem, AsyncServiceSystem], ids=["sync", "async"])
def system(request, broker, sessions, diary_folder):
    with at_work(request.param(diary_folder, broker)) as system:
        yield system


@pytest.fixture
def motor(system, sessions):
    """The motor of the test's process, as the service's web workers have it."""
    motor = Motor(sessions, journeys=Journey, scheduler=ForwardScheduler(CeleryQueue(system.app)))
    yield motor
    motor.close()


class TestService:
    def test_its_journeys_run_to_their_end(self, motor, system, sessions):
        with sessions.begin() as session:
            journeys = [of(system.driver, Short).start(session) for _ in range(10)]
        wait_until(lambda: finished(sessions, *journeys), limit=LIMIT)
        assert [diary.words(journey.id) for journey in journeys] == [DONE] * 10
        with sessions() as session:
            noted = session.scalars(select(Note.word).where(Note.journey_id == journeys[0].id).order_by(Note.id))
            assert list(noted) == DONE

    def test_a_transaction_that_is_rolled_back_hands_over_nothing(self, motor, system, sessions):
        with sessions() as session:
            lost = of(system.driver, Short).start(session)
            session.flush()
            lost_id = lost.id
            session.rollback()
        with sessions.begin() as session:
            kept = of(system.driver, Short).start(session)
        wait_until(lambda: finished(sessions, kept), limit=LIMIT)
        assert diary.words(lost_id) == []
        assert "ticket_ignored" not in system.output

    def test_a_worker_that_is_killed_in_a_step_costs_one_more_attempt(self, motor, system, sessions):
        with sessions.begin() as session:
            journey = of(system.driver, Gated).start(session)
        wait_until(lambda: diary.words(journey.id) == ["began"], limit=LIMIT)
        system.kill_workers()
        system.start()
        sweep = Sweeping(motor)
        wait_until(lambda: sweep() or finished(sessions, journey), limit=LIMIT)
        assert diary.words(journey.id) == ["began", "began", "ended", "went on"]

    def test_a_lost_ticket_is_made_up_for_by_the_sweep_in_a_worker(self, motor, system, sessions):
        motor.scheduler = None
        with sessions.begin() as session:
            journey = of(system.driver, Short).start(session)
        be_overdue(sessions)
        system.enqueue_sweep()
        wait_until(lambda: finished(sessions, journey), limit=LIMIT)
        assert diary.words(journey.id) == DONE


def be_overdue(sessions):
    """All that is ready became so two minutes ago."""
    ago = timedelta(minutes=2)
    earlier = {name: getattr(Journey, name) - ago for name in ("next_step_to_be_performed_at", "updated_at")}
    with sessions.begin() as session:
        session.execute(update(Journey.__table__).where(Journey.state == "ready").values(**earlier))
