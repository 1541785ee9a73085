"""taskiq, on Redis with a schedule source, and on RabbitMQ without one."""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic_ns

import aio_pika
import pytest
import redis
from aio_pika import ExchangeType
from taskiq import InMemoryBroker
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue

from stepper_motor import now
from stepper_motor.queues.taskiq import HOME, TaskiqQueue, _labels
from tests.conditions import wait_until
from tests.queues.journeys import Sprint
from tests.queues.noting import QUEUE, bodies, events
from tests.queues.suite import SPRINT, QueueSuite, ticket_of, without_a_ticket
from tests.queues.sweeping import LIMIT, be_overdue, wait_for_end
from tests.queues.systems import JobSystem, QueueWorker, at_work
from tests.queues.taskiq_app import BROKER, ELSEWHERE, HOME_QUEUE, SWEEP, made
from tools.brokers import RabbitMQ, Redis, running

pytestmark = [pytest.mark.brokers, pytest.mark.only_on("postgresql")]
SCHEDULER = ["taskiq", "scheduler", "tests.queues.taskiq_app:scheduler", "--update-interval", "1"]


class TaskiqSystem(JobSystem):
    worker_queue = "tests.queues.taskiq_app.stepper_queue"
    elsewhere = {"queue": ELSEWHERE, "labels": {"tenant": "ada"}}

    def queue(self):
        return made(self.broker.url, HOME_QUEUE, ELSEWHERE)[1]

    def environment(self):
        return {BROKER: self.broker.url}

    def worker_arguments(self):
        return ["taskiq", "worker", "tests.queues.taskiq_app:broker", "--workers", "1", "--max-threadpool-threads", "2",
                "--max-async-tasks", "2"]  # fmt: skip

    def is_at_work(self, output):
        return "Listening started." in output

    def enqueue_sweep(self):
        asyncio.run(self._sent("stepper_motor:sweep"))

    async def _sent(self, name):
        broker, *_ = made(self.broker.url, HOME_QUEUE, ELSEWHERE)
        await broker.startup()
        try:
            await broker.find_task(name).kiq()
        finally:
            await broker.shutdown()

    @contextmanager
    def eager(self):
        usual, self.noted.queue = self.noted.queue, TaskiqQueue(InMemoryBroker())
        try:
            yield
        finally:
            self.noted.queue = usual


class WithASource(TaskiqSystem):
    """Its delayed tickets are sent by taskiq's scheduler, a process of its own."""

    scheduler = None

    def works(self):
        super().works()
        if self.scheduler is None or self.scheduler.status is not None:
            self.scheduler = self.schedules()

    def schedules(self, **environment):
        """A process of taskiq's scheduler that has begun to work."""
        told = {"DJANGO_SETTINGS_MODULE": "tests.queues.settings", QUEUE: self.worker_queue, **self.environment()}
        log = self.folder / f"scheduler {monotonic_ns()}.log"
        scheduler = QueueWorker(SCHEDULER, log, {**told, **environment})
        wait_until(lambda: "Startup completed." in scheduler.output, limit=60, what=f"the scheduler starts:\n{log}")
        return scheduler

    def waiting_elsewhere(self):
        with redis.Redis.from_url(self.broker.url) as connection:
            found = connection.xrange(ELSEWHERE)
            connection.delete(ELSEWHERE)
            return len([fields for _, fields in found if json.loads(fields[b"data"])["labels"]["tenant"] == "ada"])

    def end(self):
        if self.scheduler is not None:
            self.scheduler.kill()


class WithoutASource(TaskiqSystem):
    """It is told of what is due, and of nothing else."""

    keeps_delays = False

    def waiting_elsewhere(self):
        return asyncio.run(self._purged())

    async def _purged(self):
        broker, *_ = made(self.broker.url, HOME_QUEUE, ELSEWHERE)
        await broker.startup()  # which declares them
        await broker.shutdown()
        async with await aio_pika.connect(self.broker.url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(ELSEWHERE)
            count = 0
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                count += message.headers["tenant"] == "ada"
            return count


class TestOnRedis(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(Redis) as broker, at_work(WithASource(diary_folder, broker)) as system:
            try:
                yield system
            finally:
                system.end()

    def test_taskiqs_scheduler_has_a_worker_sweep(self, system):
        journey = without_a_ticket(Sprint, system)
        be_overdue()
        scheduler = system.schedules(**{SWEEP: "1"})
        try:
            wait_for_end(journey)
        finally:
            scheduler.kill()
        assert bodies(journey) == SPRINT

    def test_an_app_that_started_the_broker_sends_on_its_own_loop(self, system):
        journey = without_a_ticket(Sprint, system)
        broker, queue, _ = made(system.broker.url, HOME_QUEUE)

        async def app(ticket):
            await broker.startup()
            queue.enqueue(ticket, None, {})  # in the loop's own thread
            await asyncio.to_thread(queue.enqueue, ticket, None, {})
            await broker.shutdown()

        asyncio.run(app(ticket_of(journey)))
        wait_for_end(journey)
        wait_until(lambda: len(events(journey.pk, "ticket_ignored")) == 1, limit=LIMIT)
        assert bodies(journey) == SPRINT

    def test_a_broker_whose_loop_has_ended_says_so(self, system):
        broker, queue, _ = made(system.broker.url, HOME_QUEUE)
        asyncio.run(broker.startup())
        with pytest.raises(RuntimeError, match="await broker.shutdown"):
            queue.enqueue("a ticket", None, {})

    def test_a_worker_whose_loop_ends_while_a_ticket_is_sent_is_not_held_up_by_it(self, system):
        broker, queue, _ = made(system.broker.url, HOME_QUEUE)
        loop, sending = asyncio.new_event_loop(), asyncio.Event()

        async def app():
            await broker.startup()
            broker.kick = lambda message: _hanging(sending)
            told = threads.submit(queue.enqueue, "a ticket", None, {})
            await asyncio.wait_for(sending.wait(), LIMIT)
            return told

        with ThreadPoolExecutor() as threads:
            error = loop.run_until_complete(app()).exception(timeout=LIMIT)
        assert str(error) == "a ticket could not be sent: the event loop of taskiq's broker has ended"
        loop.run_until_complete(broker.shutdown())
        loop.close()

    def test_a_loop_that_is_busy_holds_up_a_ticket_for_some_seconds(self, system, monkeypatch):
        monkeypatch.setattr("stepper_motor.queues.taskiq.PATIENCE", 0.1)
        broker, queue, _ = made(system.broker.url, HOME_QUEUE)

        async def app():
            await broker.startup()
            with ThreadPoolExecutor() as threads:
                error = threads.submit(queue.enqueue, "a ticket", None, {}).exception(timeout=LIMIT)
            await broker.shutdown()
            return str(error)

        assert "the event loop of taskiq's broker is busy with something else" in asyncio.run(app())

    def test_a_broker_that_can_not_be_started_is_tried_once_by_all_threads_that_wait_for_it(self, system):
        broker, queue, _ = made(system.broker.url, HOME_QUEUE)
        asked, tried, home = [], [], broker.state[HOME]
        home._starting = Noted(home._starting, asked)

        async def fails():
            tried.append(True)
            while len(asked) < 3:
                await asyncio.sleep(0.01)
            raise ConnectionError("no broker")

        broker.startup = fails
        with ThreadPoolExecutor(3) as threads:
            tickets = [threads.submit(queue.enqueue, "a ticket", None, {}) for _ in range(3)]
            assert [type(each.exception(timeout=LIMIT)) for each in tickets] == [ConnectionError] * 3
        assert tried == [True]

    def test_what_could_not_be_sent_in_the_loops_own_thread_is_logged(self, system, caplog):
        broker, queue, _ = made(system.broker.url, HOME_QUEUE)

        async def app():
            await broker.startup()
            broker.kick = _away
            queue.enqueue("a ticket", None, {})
            await broker.shutdown()

        asyncio.run(app())
        assert "a ticket could not be handed over to taskiq; the sweep will" in caplog.messages

    def test_a_broker_from_before_a_fork_is_not_shared(self, system, monkeypatch):
        queue = system.queue()
        queue.enqueue("a ticket", None, {})
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(RuntimeError, match="before this process was forked"):
            queue.enqueue("a ticket", None, {})


class TestOnRabbitMQ(QueueSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, diary_folder, django_db_setup):
        with running(RabbitMQ) as broker, at_work(WithoutASource(diary_folder, broker)) as system:
            yield system

    def test_a_queue_that_the_broker_does_not_have_is_refused(self, system):
        exchange = Exchange(name="direct", type=ExchangeType.DIRECT)
        broker = AioPikaBroker(system.broker.url, exchange=exchange).with_queues(Queue(name="one"), Queue(name="two"))
        with pytest.raises(ValueError, match="'nowhere' is not valid"):
            TaskiqQueue(broker, queue="one").enqueue("a ticket", None, {"queue": "nowhere"})

    def test_a_ticket_for_later_is_refused(self, system):
        with pytest.raises(ValueError, match="schedule source"):
            system.noted.queue.enqueue("a ticket", now() + timedelta(minutes=1), {})


class Noted:
    """A lock that notes who asked for it."""

    def __init__(self, lock, asked):
        self._lock, self._asked = lock, asked

    def __enter__(self):
        self._asked.append(True)
        return self._lock.__enter__()

    def __exit__(self, *raised):
        return self._lock.__exit__(*raised)


async def _hanging(sending):
    sending.set()
    await asyncio.Event().wait()


async def _away(message):
    raise ConnectionError("the broker is away")


def test_without_a_source_only_what_is_due_is_handed_over():
    assert TaskiqQueue(InMemoryBroker()).max_delay == timedelta()
    assert TaskiqQueue(InMemoryBroker(), source=LabelScheduleSource(InMemoryBroker())).max_delay == timedelta(days=7)


def test_options_are_labels_of_the_ticket():
    assert _labels({"queue": "mail", "priority": 3, "labels": {"tenant": "x"}}) == {
        "queue_name": "mail", "priority": 3, "tenant": "x",
    }  # fmt: skip
    with pytest.raises(ValueError, match="the same queue option"):
        TaskiqQueue(InMemoryBroker(), queue="mail", queue_name="mail")
    with pytest.raises(ValueError, match="no queue option 'colour'"):
        TaskiqQueue(InMemoryBroker()).check({"colour": "red"})


@pytest.mark.parametrize("every", [0, 0.5, timedelta(seconds=1.5)])
def test_it_sweeps_in_whole_seconds(every):
    with pytest.raises(ValueError, match="whole seconds"):
        TaskiqQueue(InMemoryBroker(), sweep=every)


def test_the_sweep_has_a_schedule_unless_somebody_else_does_it():
    schedules = [_schedule(every) for every in (timedelta(minutes=1), 5, None)]
    assert schedules == [[60], [5], []]


def test_of_two_queues_on_a_broker_the_first_that_says_when_sweeps():
    assert _schedule(None, 10, 20) == [10]


def _schedule(*every):
    """What taskiq's scheduler makes of it, in seconds."""
    broker = InMemoryBroker()
    for each in every:
        TaskiqQueue(broker, sweep=each)
    source = LabelScheduleSource(broker)
    asyncio.run(source.startup())
    return [task.interval for task in source.schedules.values() if task.task_name == "stepper_motor:sweep"]
