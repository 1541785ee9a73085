"""Celery, on Redis and on RabbitMQ."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

import pytest
from celery import Celery

from stepper_motor.queues.celery import CeleryQueue
from tests.conditions import wait_until
from tests.queues.celery_app import BEAT, BROKER
from tests.queues.celery_system import CelerySystem
from tests.queues.journeys import HeldOnce, Sprint
from tests.queues.noting import bodies, tickets
from tests.queues.suite import SPRINT, QueueSuite, without_a_ticket
from tests.queues.sweeping import LIMIT, Sweeper, be_overdue, wait_for_end
from tests.queues.systems import QueueWorker, at_work, descendants
from tests.worker.processes import DJANGO, Crew, Process
from tools.brokers import RabbitMQ, Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]


class TestOnRedis(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(Redis) as broker, at_work(CelerySystem(diary_folder, broker)) as system:
            yield system

    @pytest.fixture
    def crew(self, diary_folder):
        """Starts whoever sweeps; none outlives the test."""
        crew = Crew(diary_folder)
        yield crew
        crew.end()

    def test_beat_has_the_sweep_run(self, system, diary_folder):
        journey = without_a_ticket(Sprint, system)
        be_overdue()
        arguments = ["celery", "-A", system.module, "beat", "-l", "INFO", "-s", str(diary_folder / "schedule")]
        beat = QueueWorker(arguments, diary_folder / "beat.log", {**system.told(), BEAT: "0.5"})
        try:
            wait_for_end(journey)
        finally:
            beat.kill()
        assert bodies(journey) == SPRINT

    def test_a_worker_that_only_dispatches_sweeps_and_performs_nothing(self, system, crew):
        journey = without_a_ticket(Sprint, system)
        be_overdue()
        worker = crew.worker("--dispatch-only", environment=system.told(), SWEEP_INTERVAL=0.5)
        wait_for_end(journey)
        assert bodies(journey) == SPRINT
        assert len(tickets(journey)) == 1
        assert worker.stops() == 0
        assert "performed" not in worker.names

    def test_a_worker_that_only_dispatches_ends_whichever_of_its_threads_receives_the_signal(self, system, crew):
        worker = crew.worker("--dispatch-only", environment=system.told())
        of_its_threads = {int(each.name) for each in Path(f"/proc/{worker.pid}/task").iterdir()}
        tgkill = ctypes.CDLL(None, use_errno=True).tgkill
        assert tgkill(worker.pid, max(of_its_threads - {worker.pid}), signal.SIGTERM) == 0
        assert worker.ends() == 0

    def test_housekeep_sweeps_once_as_cron_has_it(self, system, crew):
        journey = without_a_ticket(Sprint, system)
        be_overdue()
        cron = crew.start("housekeep", program=DJANGO, environment=system.told())
        assert cron.ends() == 0
        assert "handed over 1" in cron.output
        wait_for_end(journey)
        assert bodies(journey) == SPRINT

    def test_a_child_that_is_killed_in_a_step_does_not_take_the_worker_with_it(self, system):
        journey = HeldOnce.start()
        wait_until(lambda: bodies(journey) == ["began"], limit=LIMIT)
        (worker,) = system.workers
        for child in descendants(worker.pid):
            os.kill(child, signal.SIGKILL)
        wait_for_end(journey, sweep=Sweeper())
        assert bodies(journey) == ["began", "began", "ended", "went on"]
        assert system.workers == [worker]
        assert worker.status is None


class InThreads(CelerySystem):
    def worker_arguments(self):
        return [*super().worker_arguments(), "--pool", "threads"]


class TestOnRabbitMQ(QueueSuite):
    """With a worker that performs in threads, and not in processes as the one above."""

    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(RabbitMQ) as broker, at_work(InThreads(diary_folder, broker)) as system:
            yield system


@pytest.mark.parametrize("options", [{"priority": "high"}, {"queue": None}, {"expires": 30}, {"colour": "red"}])
def test_what_celery_would_not_understand_is_refused_beforehand(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        CeleryQueue().check(options)
    with pytest.raises(ValueError, match=next(iter(options))):
        CeleryQueue(**options)


def test_options_of_a_step_come_over_those_of_the_queue():
    app = Celery("memory", broker="memory://", set_as_current=False)
    CeleryQueue(app, queue="mails", priority=1).enqueue("a ticket", None, {"priority": 9, "headers": {"tenant": "ada"}})
    with app.connection_for_read() as connection:
        message = app.amqp.queues.select_add("mails")(connection.default_channel).get(no_ack=True)
    assert (message.properties["priority"], message.headers["tenant"]) == (9, "ada")


def test_a_queue_that_the_app_does_not_have_is_refused():
    app = Celery("strict", broker="memory://", set_as_current=False)
    app.conf.task_create_missing_queues = False
    with pytest.raises(ValueError, match="nowhere"):
        CeleryQueue(app).enqueue("a ticket", None, {"queue": "nowhere"})


def test_a_worker_whose_settings_are_wrong_does_not_start(tmp_path):
    """It would take tickets, and fail each of them."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.queues.settings", "STEPPER_MOTOR_TEST_SETTINGS": '{"LEESE": 60}',
        BROKER: "memory://",
    }  # fmt: skip
    arguments = ["celery", "-A", "tests.queues.celery_project", "worker", "--pool", "solo"]
    worker = Process(arguments, tmp_path / "worker.log", environment)
    assert worker.ends(60) == 1
    assert "there is no setting 'LEESE'; did you mean 'LEASE'?" in worker.output
