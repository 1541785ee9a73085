"""The Huey of these tests: in a worker process it is made when the module is imported, from its environment."""

from __future__ import annotations

import os

import django
import redis
from django.apps import apps
from huey import PriorityRedisHuey
from huey.signals import SIGNAL_ERROR

from stepper_motor.queues.huey import HueyQueue
from tests.queues.noting import report

BROKER = "STEPPER_MOTOR_TEST_BROKER"
ELSEWHERE = "elsewhere"


def made(url):
    """A Huey, as a project has it, one that no consumer asks, and the queue on both."""
    huey, elsewhere = (
        PriorityRedisHuey(name, connection_pool=redis.ConnectionPool.from_url(url)) for name in ("tests", ELSEWHERE)
    )
    huey.signal(SIGNAL_ERROR)(_tell_the_error_tracker)
    return huey, HueyQueue(huey, elsewhere), elsewhere


def _tell_the_error_tracker(signal, task, error):
    report(error)


def stepper_queue() -> HueyQueue:
    return queue


if BROKER in os.environ:
    if not apps.ready:
        django.setup()
    huey, queue, _ = made(os.environ[BROKER])
