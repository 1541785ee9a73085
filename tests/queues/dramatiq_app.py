"""What a worker of Dramatiq is started with in these tests: `dramatiq tests.queues.dramatiq_app`."""

from __future__ import annotations

import os

import django
import dramatiq
from django.apps import apps
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

from stepper_motor.queues.dramatiq import DramatiqQueue
from tests.queues.noting import report

BROKER = "STEPPER_MOTOR_TEST_BROKER"
ELSEWHERE = "elsewhere"


class ErrorTracker(dramatiq.Middleware):
    def after_process_message(self, broker, message, *, result=None, exception=None):
        if exception is not None:
            report(exception)


def broker_at(url: str) -> dramatiq.Broker:
    return RedisBroker(url=url) if url.startswith("redis") else RabbitmqBroker(url=url.rstrip("/"), max_priority=10)


def queue(broker: dramatiq.Broker | None = None) -> DramatiqQueue:
    return DramatiqQueue(broker, queues=[ELSEWHERE])


if BROKER in os.environ:
    broker = broker_at(os.environ[BROKER])
    broker.add_middleware(ErrorTracker())
    dramatiq.set_broker(broker)
    if not apps.ready:
        django.setup()
    import stepper_motor.django.tasks  # noqa: F401  (as django-dramatiq's autodiscovery does)
