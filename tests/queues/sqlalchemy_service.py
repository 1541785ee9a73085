"""A service with SQLAlchemy, as the workers of RQ, Dramatiq, Huey and taskiq import it."""

from __future__ import annotations

import os
from typing import Any

from stepper_motor import ForwardScheduler
from stepper_motor.sqlalchemy import Motor
from tests.queues.celery_app import BROKER
from tests.sqlalchemy import service
from tests.sqlalchemy.errands import Journey

SYSTEM = "STEPPER_MOTOR_TEST_SYSTEM"
"""The environment variable with the name of the job system."""


def made(system: str, url: str) -> tuple[Any, Any]:
    """The queue of this job system, on this Redis, and what its workers are started with."""
    if system == "rq":
        from redis import Redis
        from rq import Queue

        from stepper_motor.queues.rq import RQQueue

        return RQQueue(Queue(connection=Redis.from_url(url))), None
    if system == "dramatiq":
        from dramatiq.brokers.redis import RedisBroker

        from stepper_motor.queues.dramatiq import DramatiqQueue

        broker = RedisBroker(url=url)
        return DramatiqQueue(broker), broker
    if system == "huey":
        from huey import PriorityRedisHuey

        from stepper_motor.queues.huey import HueyQueue

        huey = PriorityRedisHuey("service", url=url)
        return HueyQueue(huey), huey
    from taskiq_redis import RedisStreamBroker

    from stepper_motor.queues.taskiq import TaskiqQueue

    stream = RedisStreamBroker(url, xread_block=200)
    return TaskiqQueue(stream), stream


if service.DRIVER in os.environ:
    REDIS_URL = os.environ[BROKER]
    queue, started_with = made(os.environ[SYSTEM], REDIS_URL)
    sessions = service.sessions(os.environ[service.DRIVER])
    motor = Motor(sessions, journeys=Journey, scheduler=ForwardScheduler(queue))
