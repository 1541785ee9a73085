"""What a ticket is as one of Django's tasks, and what is told of settings that can't be: asked without workers."""

from __future__ import annotations

import importlib.util
from datetime import timedelta

import pytest
from django.core import checks
from django.db import transaction
from django.test import override_settings
from django.utils.module_loading import import_string

from stepper_motor import now, step
from stepper_motor.django import Journey, motor
from stepper_motor.django.metaclass import roots
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.schedulers import ForwardScheduler
from stepper_motor.queues.django_tasks import DjangoTasksQueue, task_backends
from tests.queues.django_tasks_settings import DATABASE_BACKEND, IS_BACKPORT, QUEUES, apps_of
from tests.queues.installing import installed
from tests.queues.journeys import Sprint
from tests.queues.written import written_by

pytestmark = pytest.mark.django_db(transaction=True)

CORE = "django_tasks" if IS_BACKPORT else "django.tasks"
DUMMY = f"{CORE}.backends.dummy.DummyBackend"
IMMEDIATE = f"{CORE}.backends.immediate.ImmediateBackend"


class DummyWithoutDelays(import_string(DUMMY)):
    """A backend of somebody's that can't be told when."""

    supports_defer = False
    supports_priority = False


class InElsewhere:
    """A router that keeps tasks in another database."""

    def db_for_write(self, model, **hints):
        return "elsewhere" if model.__name__ == "DBTaskResult" else None


@pytest.fixture(scope="module", autouse=True)
def _installed(django_db_setup, django_db_blocker):
    with installed(*apps_of(DATABASE_BACKEND), blocker=django_db_blocker):
        yield


@pytest.fixture
def in_use(settings):
    """Makes the settings have a backend, and a scheduler on it."""

    def use(backend, queue=None, **params):
        settings.TASKS = {"default": {"BACKEND": backend, "QUEUES": QUEUES, **params}}
        settings.STEPPER_MOTOR = {"SCHEDULER": ForwardScheduler(queue or DjangoTasksQueue())}

    return use


def rows():
    from django_tasks_db.models import DBTaskResult

    return list(DBTaskResult.objects.order_by("enqueued_at"))


def given(alias="default"):
    """What the dummy backend was given in this thread."""
    return [(result.task, result.args) for result in task_backends[alias].results]


class TestInADatabase:
    @pytest.fixture(autouse=True)
    def _in_use(self, in_use):
        in_use(DATABASE_BACKEND)

    @pytest.mark.only_on("postgresql")
    def test_a_journey_and_its_ticket_are_written_by_one_transaction(self):
        journey = Sprint.start()
        (ticket,) = rows()
        assert written_by(ticket._meta.model, id=ticket.pk) == written_by(Journey, id=journey.pk)

    def test_in_a_transaction_of_the_app_s_both_belong_to_it(self):
        with transaction.atomic():
            Sprint.start()
            assert len(rows()) == 1
            transaction.set_rollback(True)
        assert rows() == []

    def test_a_verb_and_its_ticket_belong_to_the_app_s_transaction(self):
        journey = Sprint.start(at=now() + timedelta(days=2))
        with transaction.atomic():
            journey.reschedule(at=now())
            assert len(rows()) == 1
            transaction.set_rollback(True)
        assert rows() == []

    def test_a_ticket_that_is_refused_keeps_the_journey_from_being_started(self):
        class Miswritten(Journey):
            queue_options = {"queue": "nowhere"}

            @step
            def one(self): ...

        with pytest.raises(ValueError, match="queue_name='nowhere'"):
            Miswritten.start()
        assert not Miswritten.objects.exists()

    def test_it_commits_with_the_journeys_of_its_own_database_alone(self, settings):
        (store, *_) = motor().stores
        assert DjangoTasksQueue().commits_with(store)
        settings.DATABASE_ROUTERS = [InElsewhere()]
        assert not DjangoTasksQueue().commits_with(store)

    def test_a_step_that_is_not_due_runs_after_its_time(self):
        soon = now() + timedelta(minutes=5)
        Sprint.start(at=soon)
        (row,) = rows()
        assert row.run_after == soon

    def test_what_is_more_than_an_hour_away_is_left_to_the_sweep(self, clock):
        Sprint.start(at=now() + timedelta(hours=2))
        assert (rows(), Housekeeper(motor()).sweep()) == ([], 0)
        clock.move(timedelta(minutes=61))
        assert Housekeeper(motor()).sweep() == 1
        assert len(rows()) == 1

    def test_options_of_the_queue_the_class_and_the_step_come_over_one_another(self, in_use):
        class Urgent(Journey):
            queue_options = {"queue": "elsewhere", "priority": 5}

            @step(queue_options={"priority": 9})
            def one(self): ...

        in_use(DATABASE_BACKEND, DjangoTasksQueue(priority=-3))
        Sprint.start()
        Urgent.start()
        assert [(row.queue_name, row.priority) for row in rows()] == [("default", -3), ("elsewhere", 9)]


class TestElsewhere:
    def test_a_ticket_is_enqueued_after_the_commit(self, in_use):
        in_use(DUMMY)
        with transaction.atomic():
            journey = Sprint.start()
            assert given() == []
        ((task, (ticket,)),) = given()
        assert f'"{journey.pk}"' in ticket
        assert task.run_after is None

    def test_a_transaction_that_is_rolled_back_enqueues_nothing(self, in_use):
        in_use(DUMMY)
        with transaction.atomic():
            Sprint.start()
            transaction.set_rollback(True)
        assert given() == []

    def test_a_backend_that_can_t_defer_gets_what_is_due_and_the_rest_when_it_is(self, in_use, clock):
        in_use(f"{__name__}.DummyWithoutDelays")
        Sprint.start(at=now() + timedelta(minutes=5))
        assert (given(), Housekeeper(motor()).sweep()) == ([], 0)
        clock.move(timedelta(minutes=5, seconds=1))
        assert Housekeeper(motor()).sweep() == 1
        ((task, _),) = given()
        assert task.run_after is None

    def test_one_that_performs_at_once_is_given_nothing(self, in_use):
        in_use(IMMEDIATE)
        journey = Sprint.start()
        assert Housekeeper(motor()).sweep() == 0
        assert journey.history.count() == 0

    def test_it_may_have_any_alias(self, settings):
        settings.TASKS = {"default": {"BACKEND": IMMEDIATE}, "journeys": {"BACKEND": DUMMY, "QUEUES": []}}
        settings.STEPPER_MOTOR = {"SCHEDULER": ForwardScheduler(DjangoTasksQueue("journeys", queue="any name"))}
        Sprint.start()
        ((task, _),) = given("journeys")
        assert (task.backend, task.queue_name) == ("journeys", "any name")


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"colour": "red"}, "Django's tasks have no queue option 'colour'; there are queue, queue_name, priority"),
            ({"queue": "a", "queue_name": "b"}, "queue and queue_name are the same queue option: give one of them"),
        ],
    )
    def test_that_there_are_not_are_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            DjangoTasksQueue(**options)


class TestDeclaration:
    @pytest.mark.parametrize(
        "tasks",
        [
            pytest.param({"default": {"BACKEND": DUMMY, "QUEUES": ["mails"]}}, id="without a queue default"),
            pytest.param({"default": {"BACKEND": DUMMY, "QUEUES": []}}, id="with any queue"),
            pytest.param({"jobs": {"BACKEND": DUMMY, "QUEUES": ["mails"]}}, id="without a backend default"),
        ],
    )
    def test_a_worker_can_import_the_task_in_a_project(self, tasks):
        with override_settings(TASKS=tasks):
            spec = importlib.util.find_spec("stepper_motor.queues.django_tasks")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            (alias,) = tasks
            assert module.perform_step.using(backend=alias, queue_name="mails").queue_name == "mails"


class TestChecks:
    """`manage.py check`."""

    @pytest.fixture(autouse=True)
    def _no_journeys_of_other_tests(self, monkeypatch):
        for root in roots:
            monkeypatch.setattr(root.registry, "_classes", {})

    def told(self):
        messages = checks.run_checks(tags=["stepper_motor"])
        return [(message.id.removeprefix("stepper_motor."), message.msg) for message in messages]

    def test_a_backend_with_workers_is_in_order(self, in_use):
        in_use(DATABASE_BACKEND)
        assert self.told() == []

    def test_a_backend_that_there_is_not_is_an_error(self, in_use):
        in_use(DUMMY, DjangoTasksQueue("jobs"))
        ((id, said),) = self.told()
        assert id == "E011"
        assert "for any step: Django's tasks refuse a ticket for backend='jobs'" in said

    def test_a_queue_that_the_backend_has_not_is_an_error(self, in_use):
        in_use(DUMMY, DjangoTasksQueue(queue="nowhere"))
        ((id, said),) = self.told()
        assert id == "E011"
        assert said.endswith("backend='default', queue_name='nowhere': Queue 'nowhere' is not valid for backend.")

    def test_a_priority_that_the_backend_can_t_heed_is_an_error(self, in_use):
        in_use(f"{__name__}.DummyWithoutDelays", DjangoTasksQueue(priority=5))
        ((id, said),) = self.told()
        assert id == "E011"
        assert said.endswith("priority=5: Backend does not support setting priority of tasks.")

    def test_a_step_with_an_option_that_is_none_is_named_once(self, in_use):
        class Mistaken(Journey):
            @step
            def fine(self): ...

            @step(queue_options={"queue": "nowhere"})
            def astray(self): ...

            @step(queue_options={"queue": "nowhere"})
            def astray_again(self): ...

        in_use(DUMMY)
        ((id, said),) = self.told()
        assert id == "E011"
        assert said.startswith("The job queue takes no ticket for Mistaken.astray: ")

    def test_a_backend_that_performs_at_once_is_warned_of(self, in_use):
        in_use(IMMEDIATE)
        ((id, said),) = self.told()
        assert id == "W003"
        assert said.endswith("so it is given no tickets: no step is performed through it.")

    def test_a_scheduler_that_can_t_be_imported_is_an_error(self, settings):
        settings.STEPPER_MOTOR = {"SCHEDULER": "no.such.scheduler"}
        ((id, said),) = self.told()
        assert id == "E001"
        assert said.startswith("STEPPER_MOTOR['SCHEDULER']: No module named 'no'; it must be the path of a module and")

    def test_a_scheduler_whose_queue_can_t_be_made_is_an_error(self, settings):
        settings.STEPPER_MOTOR = {"SCHEDULER": f"{__name__}.miswritten"}
        ((id, said),) = self.told()
        assert id == "E001"
        assert "miswritten can't be made: " in said
        assert "Django's tasks have no queue option 'colour'" in said


def miswritten():
    return ForwardScheduler(DjangoTasksQueue(colour="red"))
