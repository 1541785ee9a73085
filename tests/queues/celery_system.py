"""Celery as a `JobSystem`."""

from __future__ import annotations

from contextlib import contextmanager

from stepper_motor.queues import celery as adapter
from stepper_motor.queues.celery import CeleryQueue
from tests.queues.celery_app import BROKER, celery
from tests.queues.systems import JobSystem

ELSEWHERE = "elsewhere"


class CelerySystem(JobSystem):
    worker_queue = "tests.queues.celery_project.queue"
    elsewhere = {"queue": ELSEWHERE, "priority": 3}
    module = "tests.queues.celery_project"

    def queue(self):
        self.app = celery(self.broker.url)
        return CeleryQueue(self.app)

    def environment(self):
        return {BROKER: self.broker.url}

    def worker_arguments(self):
        return ["celery", "-A", self.module, "worker", "--concurrency", "2", "-l", "INFO",
                "--without-gossip", "--without-mingle"]  # fmt: skip

    def is_at_work(self, output):
        return " ready." in output

    def enqueue_sweep(self):
        self.app.tasks[adapter.sweep.name].delay()

    def waiting_elsewhere(self):
        with self.app.connection_for_write() as connection:
            queue = self.app.amqp.queues.select_add(ELSEWHERE)(connection.default_channel)
            queue.declare()
            found = list(iter(lambda: queue.get(no_ack=True), None))
            return len([message for message in found if message.properties["priority"] == 3])

    @contextmanager
    def eager(self):
        self.app.conf.task_always_eager = True
        try:
            yield
        finally:
            self.app.conf.task_always_eager = False
