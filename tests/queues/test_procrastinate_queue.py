"""What a ticket is as a job of Procrastinate's, in a Django project: asked without its workers."""

from __future__ import annotations

from datetime import timedelta

import procrastinate
import pytest
from django.db import connection, transaction
from django.test import override_settings

from stepper_motor import now, step
from stepper_motor.django import Journey, motor
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.schedulers import CyclicScheduler, ForwardScheduler
from stepper_motor.queues.procrastinate import ProcrastinateQueue
from tests.queues.installing import procrastinate_installed
from tests.queues.journeys import Sprint
from tests.queues.written import written_by

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module", autouse=True)
def _installed(django_db_setup, django_db_blocker):
    with procrastinate_installed(django_db_blocker):
        yield


@pytest.fixture(autouse=True)
def _no_jobs(_installed, transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


@pytest.fixture
def in_use():
    with using(ForwardScheduler(ProcrastinateQueue())):
        yield


def using(scheduler):
    return override_settings(STEPPER_MOTOR={"SCHEDULER": scheduler})


def jobs():
    from procrastinate.contrib.django.models import ProcrastinateJob

    return list(ProcrastinateJob.objects.order_by("id"))


def ticket_of(journey):
    (job,) = [job for job in jobs() if f'"{journey.pk}"' in job.args["ticket"]]
    return job


class TestTransactions:
    def test_a_journey_and_its_ticket_are_written_by_one_transaction(self, in_use):
        journey = Sprint.start()
        assert written_by("procrastinate_jobs", id=ticket_of(journey).pk) == written_by(Journey, id=journey.pk)

    def test_that_holds_in_a_worker_too_whose_app_has_a_pool_of_its_own(self, in_use):
        from procrastinate.contrib.django import app

        with app.replace_connector(app.connector.get_worker_connector()):
            journey = Sprint.start()
        assert written_by("procrastinate_jobs", id=ticket_of(journey).pk) == written_by(Journey, id=journey.pk)

    def test_in_a_transaction_of_the_app_s_both_belong_to_it(self, in_use):
        with transaction.atomic():
            journey = Sprint.start()
            assert ticket_of(journey).status == "todo"
            transaction.set_rollback(True)
        assert jobs() == []

    def test_a_bulk_start_that_is_rolled_back_leaves_no_tickets(self, in_use):
        with transaction.atomic():
            Sprint.objects.bulk_create([Sprint() for _ in range(3)])
            assert len(jobs()) == 3
            transaction.set_rollback(True)
        assert jobs() == []

    def test_a_verb_and_its_ticket_belong_to_the_app_s_transaction(self, in_use):
        journey = Sprint.start(at=now() + timedelta(days=2))
        with transaction.atomic():
            journey.reschedule(at=now())
            assert len(jobs()) == 1
            transaction.set_rollback(True)
        assert jobs() == []

    def test_a_ticket_that_can_t_be_written_keeps_the_journey_from_being_started(self, in_use):
        class Miswritten(Journey):
            queue_options = {"colour": "red"}

            @step
            def one(self): ...

        with pytest.raises(ValueError, match="Procrastinate has no queue option 'colour'; there are queue, priority"):
            Miswritten.start()
        assert not Miswritten.objects.exists()

    @pytest.mark.parametrize("alias", ["default", "elsewhere"])
    def test_it_commits_with_the_journeys_of_its_own_database_alone(self, settings, alias):
        settings.PROCRASTINATE_DATABASE_ALIAS = alias
        (store, *_) = motor().stores
        assert ProcrastinateQueue().commits_with(store) is (alias == "default")


class TestTimes:
    def test_a_step_that_is_due_is_a_job_without_a_time(self, in_use):
        assert ticket_of(Sprint.start()).scheduled_at is None

    def test_a_step_that_is_not_due_is_a_job_for_its_time(self, in_use):
        soon = now() + timedelta(minutes=5)
        assert ticket_of(Sprint.start(at=soon)).scheduled_at == soon

    def test_what_is_more_than_an_hour_away_is_left_to_the_sweep(self, in_use, clock):
        Sprint.start(at=now() + timedelta(hours=2))
        assert (jobs(), Housekeeper(motor()).sweep()) == ([], 0)
        clock.move(timedelta(minutes=61))
        assert Housekeeper(motor()).sweep() == 1
        assert len(jobs()) == 1

    def test_without_a_horizon_a_job_may_wait_for_years(self):
        with using(ForwardScheduler(ProcrastinateQueue(max_delay=None))):
            in_ten_years = now() + timedelta(days=3650)
            assert ticket_of(Sprint.start(at=in_ten_years)).scheduled_at == in_ten_years

    def test_a_cyclic_scheduler_hands_over_what_is_due_before_its_next_cycle(self):
        with using(CyclicScheduler(ProcrastinateQueue(), cycle_duration=60)):
            Sprint.start(at=now() + timedelta(minutes=2))
            assert jobs() == []
            Sprint.start(at=now() + timedelta(seconds=50))
            assert len(jobs()) == 1


class TestOptions:
    def test_those_of_the_queue_hold_for_every_ticket(self):
        with using(ForwardScheduler(ProcrastinateQueue(queue="journeys", priority=3))):
            job = ticket_of(Sprint.start())
        assert (job.queue_name, job.priority) == ("journeys", 3)

    def test_those_of_the_class_come_over_them_and_those_of_the_step_over_both(self):
        class Urgent(Journey):
            queue_options = {"queue": "urgent", "priority": 5}

            @step(queue_options={"priority": 9})
            def one(self): ...

        with using(ForwardScheduler(ProcrastinateQueue(queue="journeys", priority=3))):
            job = ticket_of(Urgent.start())
        assert (job.queue_name, job.priority) == ("urgent", 9)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"lock": "one at a time"}, "Procrastinate has no queue option 'lock'; there are queue, priority"),
            ({"priority": "high"}, "priority must be a whole number, got 'high'"),
            ({"priority": True}, "priority must be a whole number, got True"),
            ({"queue": 7}, "queue must be a name, got 7"),
        ],
    )
    def test_others_are_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            ProcrastinateQueue(**options)
        with pytest.raises(ValueError, match=message):
            ProcrastinateQueue().check(options)


class TestTasks:
    @pytest.fixture
    def app(self):
        from procrastinate.testing import InMemoryConnector

        return procrastinate.App(connector=InMemoryConnector())

    def test_they_are_added_to_the_app_once(self, app):
        ProcrastinateQueue(app)
        ProcrastinateQueue(app)
        assert {name for name in app.tasks if name.startswith("stepper_motor:")} == {
            "stepper_motor:perform_step", "stepper_motor:sweep"
        }  # fmt: skip

    def test_the_sweep_is_periodic_in_the_queue_of_the_tickets(self, app):
        ProcrastinateQueue(app, sweep="* * * * * */10", queue="journeys")
        (periodic,) = app.periodic_registry.periodic_tasks.values()
        assert (periodic.task.name, periodic.cron) == ("stepper_motor:sweep", "* * * * * */10")
        assert periodic.configure_kwargs["queue"] == "journeys"

    def test_of_two_queues_on_an_app_the_first_that_says_when_sweeps(self, app):
        for sweep in (None, "*/5 * * * *", "* * * * *"):
            ProcrastinateQueue(app, sweep=sweep)
        assert [each.cron for each in app.periodic_registry.periodic_tasks.values()] == ["*/5 * * * *"]

    def test_it_may_be_left_to_others(self, app):
        ProcrastinateQueue(app, sweep=None)
        assert app.periodic_registry.periodic_tasks == {}
        assert "stepper_motor:sweep" not in app.tasks
