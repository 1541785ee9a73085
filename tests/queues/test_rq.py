"""RQ, on Redis."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from redis import Redis as Client
from rq import Queue
from rq.job import Job

from stepper_motor import now
from stepper_motor.motor.ticket import Ticket
from stepper_motor.queues import rq as adapter
from stepper_motor.queues.rq import RQQueue
from tests.conditions import wait_until
from tests.queues.journeys import Failing, Sprint
from tests.queues.noting import WITHOUT_RERAISE, bodies, events, reported
from tests.queues.rq_app import BROKER, queue
from tests.queues.suite import SPRINT, QueueSuite
from tests.queues.sweeping import LIMIT, be_overdue, state_of, wait_for_end
from tests.queues.systems import JobSystem, QueueWorker, at_work
from tools.brokers import Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]
ELSEWHERE = "elsewhere"
RQ = ["rq.cli"]
APP = ["--config", "tests.queues.rq_app"]


class RQSystem(JobSystem):
    worker_queue = "tests.queues.rq_app.queue"
    elsewhere = {"queue": ELSEWHERE, "at_front": True}

    def queue(self):
        return queue(self.broker.url)

    def environment(self):
        return {BROKER: self.broker.url}

    def worker_arguments(self):
        return [*RQ, "worker", *APP, "--with-scheduler",
                "--exception-handler", "tests.queues.rq_app.tell_the_error_tracker"]  # fmt: skip

    def is_at_work(self, output):
        return "Listening on" in output

    def enqueue_sweep(self):
        self.named("default").enqueue(adapter.sweep)

    def waiting_elsewhere(self):
        return self.named(ELSEWHERE).empty()

    @contextmanager
    def eager(self):
        given, self.noted.queue = self.noted.queue, queue(self.broker.url, is_async=False)
        try:
            yield
        finally:
            self.noted.queue = given

    def named(self, name):
        return Queue(name, connection=Client.from_url(self.broker.url))

    @contextmanager
    def cron(self):
        """RQ's own timer, in a process of its own."""
        command = [*RQ, "cron", *APP, "tests.queues.rq_app"]
        environment = {"DJANGO_SETTINGS_MODULE": "tests.queues.settings", **self.environment()}
        process = QueueWorker(command, self.folder / "cron.log", environment)
        try:
            yield
        finally:
            process.kill()


class TestOnRedis(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(Redis) as broker, at_work(RQSystem(diary_folder, broker)) as system:
            yield system

    def test_its_cron_enqueues_the_sweep(self, system):
        with system.noted.losing():
            journey = Sprint.start()
        be_overdue()
        with system.cron():
            wait_for_end(journey)
        assert bodies(journey) == SPRINT

    def test_what_a_step_raised_is_raised_to_the_queue_only_where_the_app_asks_for_it(self, system):
        system.kill_workers()
        system.start(**{WITHOUT_RERAISE: "yes"})
        journey = Failing.start()
        wait_until(lambda: state_of(journey) == "paused", limit=LIMIT)
        after = Sprint.start()
        wait_for_end(after)
        assert f"RuntimeError: no luck on {journey.pk}" not in reported()
        system.kill_workers()

    def test_a_job_that_failed_and_is_tried_again_finds_its_ticket_out_of_date(self, system):
        journey, failed = Failing.start(), system.named("default").failed_job_registry
        wait_until(lambda: ticket_is_in(failed, journey), limit=LIMIT)
        failed.requeue(ticket_is_in(failed, journey))
        wait_until(lambda: events(journey.pk, "ticket_ignored"), limit=LIMIT)
        assert events(journey.pk, "ticket_ignored") == ["it is out of date: the journey is paused"]
        assert bodies(journey) == ["began"]


def ticket_is_in(registry, journey):
    """The job with a ticket of this journey; None: it is not there."""
    jobs = [Job.fetch(id, connection=registry.connection) for id in registry.get_job_ids()]
    return next((job for job in jobs if Ticket.read(job.args[0]).id == str(journey.pk)), None)


class TestJobs:
    """What RQ is told."""

    @pytest.fixture(scope="class")
    @classmethod
    def queue(cls):
        with running(Redis) as broker, Client.from_url(broker.url) as client:
            yield Queue(connection=client)

    @pytest.fixture(autouse=True)
    def _emptied(self, queue):
        queue.connection.flushdb()

    def test_no_result_is_kept_and_no_limit_interrupts_a_step(self, queue):
        RQQueue(queue).enqueue("a ticket", None, {})
        (job,) = queue.jobs
        assert (job.func_name, job.args) == ("stepper_motor.queues.rq.perform_step", ("a ticket",))
        assert (job.result_ttl, job.timeout) == (0, -1)

    def test_a_job_is_never_early_though_rq_counts_whole_seconds(self, queue):
        at = now().replace(microsecond=1) + timedelta(hours=1)
        RQQueue(queue).enqueue("a ticket", at, {})
        registry = queue.scheduled_job_registry
        (job_id,) = registry.get_job_ids()
        assert registry.get_scheduled_time(job_id) == at.replace(microsecond=0) + timedelta(seconds=1)

    def test_a_whole_second_is_kept(self, queue):
        at = now().replace(microsecond=0) + timedelta(hours=1)
        RQQueue(queue).enqueue("a ticket", at, {})
        registry = queue.scheduled_job_registry
        assert registry.get_scheduled_time(registry.get_job_ids()[0]) == at

    def test_options_of_a_step_come_over_those_of_the_queue(self, queue):
        mails = RQQueue(queue, queue="mails", job_timeout=60)
        mails.enqueue("a ticket", None, {"job_timeout": "2h", "meta": {"team": "blue"}})
        (job,) = Queue("mails", connection=queue.connection).jobs
        assert (job.timeout, job.meta) == (7200, {"team": "blue"})

    def test_at_front_overtakes_what_waits(self, queue):
        RQQueue(queue).enqueue("first", None, {})
        RQQueue(queue).enqueue("second", None, {"at_front": True})
        assert [job.args[0] for job in queue.jobs] == ["second", "first"]

    def test_an_option_is_refused_before_a_journey_is_concerned(self, queue):
        with pytest.raises(ValueError, match="no queue option 'ttl'"):
            RQQueue(queue, ttl=3)
        for name, value in [("queue", 7), ("job_timeout", "soon"), ("job_timeout", 0), ("at_front", "yes")]:
            with pytest.raises(ValueError, match=f"{name} must be .*, got {value!r}"):
                RQQueue(queue).check({name: value})
