"""What a worker of RQ imports in these tests: `rq worker --config tests.queues.rq_app`, and `rq cron tests.queues.rq_app`."""

from __future__ import annotations

import os

import django
from django.apps import apps
from redis import Redis
from rq import Queue, cron

from stepper_motor.queues.rq import RQQueue, sweep
from tests.queues.noting import report

BROKER = "STEPPER_MOTOR_TEST_BROKER"


def queue(broker: str | None = None, **options: bool) -> RQQueue:
    """That of a worker process, if no broker is named."""
    return RQQueue(Queue(connection=Redis.from_url(broker or os.environ[BROKER]), **options))


def tell_the_error_tracker(job, kind, error, traceback):
    """An exception handler of RQ's."""
    report(error)


if BROKER in os.environ:
    REDIS_URL = os.environ[BROKER]
    cron.register(sweep, queue_name="default", interval=1, job_timeout=-1, result_ttl=0, ttl=10)
    if not apps.ready:
        django.setup()
