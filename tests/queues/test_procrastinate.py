"""Procrastinate in a Django project, whose jobs are rows of the project's database."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.queues.installing import procrastinate_installed
from tests.queues.journeys import Sprint
from tests.queues.noting import bodies
from tests.queues.suite import SPRINT, QueueSuite, without_a_ticket
from tests.queues.sweeping import be_overdue, wait_for_end
from tests.queues.systems import JobSystem, at_work

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]


@pytest.fixture(scope="module", autouse=True)
def _installed(django_db_setup, django_db_blocker):
    with procrastinate_installed(django_db_blocker):
        yield


def jobs(**wanted):
    from procrastinate.contrib.django.models import ProcrastinateJob

    return ProcrastinateJob.objects.filter(task_name="stepper_motor:perform_step", **wanted)


class ProcrastinateSystem(JobSystem):
    worker_queue = "stepper_motor.queues.procrastinate.ProcrastinateQueue"
    elsewhere = {"queue": "elsewhere", "priority": 7}
    commits_with_the_app = True

    def queue(self):
        from stepper_motor.queues.procrastinate import ProcrastinateQueue

        return ProcrastinateQueue()

    def environment(self):
        return {"DJANGO_SETTINGS_MODULE": "tests.queues.procrastinate_settings"}

    def worker_arguments(self):
        return ["django", "procrastinate", "worker", "--concurrency", "2", "--queues", "default",
                "--fetch-job-polling-interval", "0.2"]  # fmt: skip

    def is_at_work(self, output):
        return "Starting worker on" in output

    def enqueue_sweep(self):
        from procrastinate.contrib.django import app

        app.configure_task("stepper_motor:sweep").defer(timestamp=0)

    def waiting_elsewhere(self):
        waiting = jobs(status="todo", queue_name="elsewhere", priority=7)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_events WHERE job_id IN "
                           "(SELECT id FROM procrastinate_jobs WHERE queue_name = 'elsewhere')")  # fmt: skip
            found = waiting.count()
            cursor.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'elsewhere'")
        return found


class TestProcrastinate(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, _installed, diary_folder):
        with at_work(ProcrastinateSystem(diary_folder)) as system:
            yield system

    def test_its_workers_sweep_every_minute(self, system):
        journey = without_a_ticket(Sprint, system)
        be_overdue()
        wait_for_end(journey, limit=100)
        assert bodies(journey) == SPRINT
