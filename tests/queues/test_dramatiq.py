"""Dramatiq, on Redis and on RabbitMQ."""

from __future__ import annotations

from datetime import timedelta

import dramatiq
import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import dq_name

from stepper_motor import now
from stepper_motor.queues.dramatiq import DramatiqQueue, register
from tests.queues.dramatiq_app import BROKER, ELSEWHERE, broker_at, queue
from tests.queues.journeys import Sprint
from tests.queues.noting import bodies
from tests.queues.suite import SPRINT, QueueSuite
from tests.queues.sweeping import be_overdue, wait_for_end
from tests.queues.systems import JobSystem, at_work
from tools.brokers import RabbitMQ, Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]


class DramatiqSystem(JobSystem):
    worker_queue = "tests.queues.dramatiq_app.queue"
    elsewhere = {"queue": ELSEWHERE}

    def queue(self):
        self.client = broker_at(self.broker.url)
        return queue(self.client)

    def environment(self):
        return {BROKER: self.broker.url}

    def worker_arguments(self):
        return ["dramatiq", "tests.queues.dramatiq_app", "--processes", "1", "--threads", "2", "--queues", "default"]

    def is_at_work(self, output):
        return "Worker process is ready for action" in output

    def enqueue_sweep(self):
        self.noted.queue.actors.sweep.send()


class OnRedis(DramatiqSystem):
    def waiting_elsewhere(self):
        found = self.client.do_qsize(ELSEWHERE)
        if found:
            self.client.flush(ELSEWHERE)
        return found


class OnRabbitMQ(DramatiqSystem):
    elsewhere = {"queue": ELSEWHERE, "priority": 7}

    def waiting_elsewhere(self):
        self.client.declare_queue(ELSEWHERE, ensure=True)
        found = iter(lambda: self.client.channel.basic_get(ELSEWHERE, auto_ack=True)[1], None)
        return len([properties for properties in found if properties.priority == 7])


class TestOnRedis(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(Redis) as broker, at_work(OnRedis(diary_folder, broker)) as system:
            yield system

    def test_any_timer_sends_the_sweep(self, system):
        with system.noted.losing():
            journey = Sprint.start()
        be_overdue()
        timer = BackgroundScheduler(timezone="UTC")
        timer.add_job(system.noted.queue.actors.sweep.send, "interval", seconds=1)
        timer.start()
        try:
            wait_for_end(journey)
        finally:
            timer.shutdown()
        assert bodies(journey) == SPRINT


class TestOnRabbitMQ(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(RabbitMQ) as broker, at_work(OnRabbitMQ(diary_folder, broker)) as system:
            yield system


class TestMessages:
    """What Dramatiq is told."""

    @pytest.fixture
    def broker(self):
        broker = StubBroker()
        yield broker
        broker.close()

    def test_the_actors_are_declared_once_on_the_broker_that_is_given(self, broker):
        actors = DramatiqQueue(broker, queue="steps").actors
        assert DramatiqQueue(broker, queue="other").actors == register(broker) == actors
        assert set(broker.actors) == {"stepper_motor.perform_step", "stepper_motor.sweep"}
        assert actors.sweep.queue_name == "steps"

    def test_no_retry_and_no_limit_touches_a_step(self, broker):
        assert DramatiqQueue(broker).actors.perform_step.options == {"max_retries": 0, "time_limit": float("inf")}

    def test_a_broker_without_middleware_serves_as_well(self):
        bare = StubBroker(middleware=[])
        DramatiqQueue(bare).enqueue("a ticket", None, {})
        assert bare.queues["default"].qsize() == 1
        with pytest.raises(ValueError, match="needs Dramatiq's middleware TimeLimit"):
            DramatiqQueue(bare, time_limit=1000)

    def test_a_delay_is_never_shorter_than_it_was_meant(self, broker):
        at = now() + timedelta(minutes=1)
        DramatiqQueue(broker).enqueue("a ticket", at, {})
        message = _only(broker, dq_name("default"))
        assert timedelta() <= timedelta(milliseconds=message.options["eta"]) - _since_1970(at) < timedelta(seconds=1)

    def test_what_is_overdue_is_due_now(self, broker):
        DramatiqQueue(broker).enqueue("a ticket", now() - timedelta(hours=1), {})
        message = _only(broker, dq_name("default"))
        assert timedelta(milliseconds=message.options["eta"]) <= _since_1970(now())

    def test_options_of_a_step_come_over_those_of_the_queue(self, broker):
        tickets = DramatiqQueue(broker, queues=["mails"], time_limit=1000)
        tickets.enqueue("a ticket", None, {"queue": "mails", "time_limit": 2000})
        message = _only(broker, "mails")
        assert (message.args, message.options["time_limit"]) == (("a ticket",), 2000)

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"max_age": 3}, "no queue option 'max_age'"),
            ({"queue": "unheard"}, "no worker knows of the queue 'unheard'"),
            ({"priority": 3}, "needs a RabbitmqBroker"),
            ({"time_limit": "1s"}, "time_limit must be a whole number"),
            ({"queue": "default", "queue_name": "default"}, "mean the same"),
        ],
    )
    def test_an_option_that_would_mean_nothing_is_refused_before_a_journey_is_concerned(self, broker, options, told):
        with pytest.raises(ValueError, match=told):
            DramatiqQueue(broker).check(options)

    def test_a_priority_is_for_a_broker_that_has_them(self):
        broker = RabbitmqBroker(max_priority=10)  # not asked for anything, so nothing is connected
        DramatiqQueue(broker).check({"broker_priority": 3})
        with pytest.raises(ValueError, match="broker_priority must be from 0 to 10, got 11"):
            DramatiqQueue(broker).check({"priority": 11})


def _only(broker, queue_name):
    return dramatiq.Message.decode(broker.queues[queue_name].get_nowait())


def _since_1970(at):
    return timedelta(seconds=at.timestamp())
