"""Django's tasks, with the backends django-tasks-db and django-tasks-rq."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.test import override_settings

from tests.conditions import wait_until
from tests.queues.django_tasks_settings import (
    DATABASE_BACKEND,
    IS_BACKPORT,
    REDIS,
    RQ_BACKEND,
    TASKS_BACKEND,
    apps_of,
    queues_of_rq,
    tasks_on,
)
from tests.queues.installing import installed
from tests.queues.suite import QueueSuite
from tests.queues.systems import JobSystem, at_work
from tests.worker.processes import Process
from tools.brokers import Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.each_django, pytest.mark.only_on("postgresql")]

IMMEDIATE = f"{'django_tasks' if IS_BACKPORT else 'django.tasks'}.backends.immediate.ImmediateBackend"


class DjangoTasksSystem(JobSystem):
    worker_queue = "stepper_motor.queues.django_tasks.DjangoTasksQueue"
    backend: str

    def queue(self):
        from stepper_motor.queues.django_tasks import DjangoTasksQueue

        return DjangoTasksQueue()

    def environment(self):
        return {"DJANGO_SETTINGS_MODULE": "tests.queues.django_tasks_settings", TASKS_BACKEND: self.backend}

    def enqueue_sweep(self):
        """Django's tasks have no timer: cron sweeps, or a worker of ours that does nothing else."""
        told = {**self.environment(), "STEPPER_MOTOR_TEST_QUEUE": self.worker_queue}
        sweeping = Process(["django", "stepper_motor", "housekeep"], self.folder / "sweep.log", told)
        assert sweeping.ends(60) == 0, sweeping.output

    def eager(self):
        return override_settings(TASKS={"default": {"BACKEND": IMMEDIATE}})


class DatabaseSystem(DjangoTasksSystem):
    backend = DATABASE_BACKEND
    elsewhere = {"queue": "elsewhere", "priority": 7}
    commits_with_the_app = True

    def worker_arguments(self):
        return ["django", "db_worker", "--interval", "0.1", "--no-startup-delay"]

    def is_at_work(self, output):
        return "Starting worker" in output

    def rests(self):
        """A db_worker whose job's row is gone when it ends the job ends itself, too."""
        from django_tasks_db.models import DBTaskResult

        def is_at_rest():
            living = [worker.output for worker in self.workers if worker.status is None]
            # At one go: between two looks a job that waited may have begun.
            jobs = list(DBTaskResult.objects.running() | DBTaskResult.objects.ready())
            waiting = any(job.status == "READY" and job.queue_name == "default" for job in jobs)
            in_hand = any(id in output for output in living for job in jobs for id in job.worker_ids)
            return not living or not (in_hand or waiting)

        wait_until(is_at_rest, what="no living worker has a job in hand, or is about to have one")

    def waiting_elsewhere(self):
        from django_tasks_db.models import DBTaskResult

        waiting = DBTaskResult.objects.filter(queue_name="elsewhere", priority=7, status="READY")
        return waiting.delete()[0]


class RQSystem(DjangoTasksSystem):
    backend = RQ_BACKEND
    elsewhere = {"queue": "elsewhere"}

    def environment(self):
        return {**super().environment(), REDIS: self.broker.url}

    def worker_arguments(self):
        # One that does not fork for each job: the suite has many.
        return ["django", "rqworker", "--job-class", "django_tasks_rq.Job", "--with-scheduler",
                "--worker-class", "rq.SimpleWorker"]  # fmt: skip

    def is_at_work(self, output):
        return "Listening on default" in output

    def waiting_elsewhere(self):
        import django_rq

        queue = django_rq.get_queue("elsewhere")
        return queue.empty()


@contextmanager
def in_this_process(backend, blocker, **others):
    with installed(*apps_of(backend), blocker=blocker, TASKS=tasks_on(backend), **others):
        yield


class TestDatabase(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup, django_db_blocker):
        with in_this_process(DATABASE_BACKEND, django_db_blocker), at_work(DatabaseSystem(diary_folder)) as system:
            yield system


class TestRQ(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup, django_db_blocker):
        with (
            running(Redis) as broker,
            in_this_process(RQ_BACKEND, django_db_blocker, RQ_QUEUES=queues_of_rq(broker.url)),
            at_work(RQSystem(diary_folder, broker)) as system,
        ):
            yield system
