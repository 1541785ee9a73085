"""taskiq's broker, source and scheduler of these tests: made from the environment of a worker's process."""

from __future__ import annotations

import os

import django
from django.apps import apps
from taskiq import TaskiqMiddleware, TaskiqScheduler
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_aio_pika import AioPikaBroker, Queue
from taskiq_redis import ListRedisScheduleSource, RedisStreamBroker

from stepper_motor.queues.taskiq import TaskiqQueue
from tests.queues.noting import report

BROKER = "STEPPER_MOTOR_TEST_BROKER"
SWEEP = "STEPPER_MOTOR_TEST_SWEEP"
"""Where it is set, taskiq's scheduler has a worker sweep every so many seconds."""
HOME_QUEUE, ELSEWHERE = "taskiq", "elsewhere"


class ErrorTracker(TaskiqMiddleware):
    def on_error(self, message, result, exception):
        report(exception)


def made(url, *queues, sweep=None):
    """A broker, as a project has it, and the queue on it: with a schedule source on Redis, without one on RabbitMQ."""
    if url.startswith("redis"):
        broker, source = RedisStreamBroker(url, xread_block=200), ListRedisScheduleSource(url)
    else:
        broker, source = AioPikaBroker(url).with_queues(*(Queue(name=name) for name in queues)), None
    broker.add_middlewares(ErrorTracker())
    return broker, TaskiqQueue(broker, source=source, sweep=sweep, queue=HOME_QUEUE), source


def stepper_queue() -> TaskiqQueue:
    return queue


if BROKER in os.environ:
    if not apps.ready:
        django.setup()
    every = float(os.environ[SWEEP]) if SWEEP in os.environ else None
    broker, queue, source = made(os.environ[BROKER], HOME_QUEUE, sweep=every)
    scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker), *([source] if source else [])])
