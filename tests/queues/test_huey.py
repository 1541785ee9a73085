"""Huey, on Redis."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from huey import MemoryHuey, RedisHuey, crontab

from stepper_motor.queues import huey as adapter
from stepper_motor.queues.huey import HueyQueue
from tests.queues.huey_app import BROKER, ELSEWHERE, made
from tests.queues.journeys import Sprint
from tests.queues.noting import bodies
from tests.queues.suite import SPRINT, QueueSuite, without_a_ticket
from tests.queues.sweeping import be_overdue, wait_for_end
from tests.queues.systems import JobSystem, at_work
from tools.brokers import Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]


class HueySystem(JobSystem):
    worker_queue = "tests.queues.huey_app.stepper_queue"
    elsewhere = {"queue": ELSEWHERE, "priority": 7}
    other_arguments = ("--no-periodic",)

    def queue(self):
        self.huey, queue, self.other = made(self.broker.url)
        return queue

    def environment(self):
        return {BROKER: self.broker.url}

    def worker_arguments(self):
        return ["huey.bin.huey_consumer", "tests.queues.huey_app.huey", "--workers", "2", "--max-delay", "0.2",
                *self.other_arguments]  # fmt: skip

    def is_at_work(self, output):
        return "Huey consumer started" in output

    def enqueue_sweep(self):
        (sweep,) = self.huey.read_periodic(datetime.now(UTC))
        self.huey.enqueue(sweep)

    def waiting_elsewhere(self):
        count = len([task for task in self.other.pending() if task.priority == 7])
        self.other.flush()
        return count

    @contextmanager
    def eager(self):
        self.huey.immediate = True
        try:
            yield
        finally:
            self.huey.immediate = False


class TestOnRedis(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(Redis) as broker, at_work(HueySystem(diary_folder, broker)) as system:
            yield system

    def test_its_consumer_sweeps_every_minute(self, system, monkeypatch):
        journey = without_a_ticket(Sprint, system)
        be_overdue()
        monkeypatch.setattr(system, "other_arguments", ())
        consumer = system.start()
        wait_for_end(journey, limit=100)
        consumer.kill()
        assert bodies(journey) == SPRINT


def test_the_consumer_of_the_first_huey_sweeps_every_minute():
    first, second = MemoryHuey("first"), MemoryHuey("second")
    HueyQueue(first, second)
    (sweep,) = first.read_periodic(_at(1))
    assert type(sweep).__name__ == adapter.sweep.__name__
    assert second.read_periodic(_at(1)) == []


def test_somebody_else_may_sweep_or_at_other_times():
    seldom, never = MemoryHuey("seldom"), MemoryHuey("never")
    HueyQueue(seldom, sweep=crontab(minute="*/5"))
    HueyQueue(never, sweep=None)
    assert [len(seldom.read_periodic(_at(minute))) for minute in (4, 5)] == [0, 1]
    assert never.read_periodic(_at(5)) == []


def test_of_two_queues_on_a_huey_the_first_that_says_when_sweeps():
    huey, other = MemoryHuey("first"), MemoryHuey("second")
    HueyQueue(other, huey)
    HueyQueue(huey, sweep=None)
    HueyQueue(huey, sweep=crontab(minute="*/5"))
    HueyQueue(huey)
    assert [len(huey.read_periodic(_at(minute))) for minute in (4, 5)] == [0, 1]


def test_two_queues_may_share_a_huey():
    huey = MemoryHuey("shared")
    for queue in (HueyQueue(huey), HueyQueue(huey, priority=3)):
        queue.enqueue("a ticket", None, {})
    assert [task.priority for task in huey.pending()] == [3, None]


def test_a_huey_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="there is no Huey 'mail' here; there are first, second"):
        HueyQueue(MemoryHuey("first"), MemoryHuey("second")).check({"queue": "mail"})


def test_a_priority_is_refused_where_huey_has_none():
    with pytest.raises(ValueError, match="make it a PriorityRedisHuey"):
        HueyQueue(RedisHuey("plain"), priority=1)


def _at(minute):
    return datetime(2026, 3, 2, 9, minute, tzinfo=UTC)
