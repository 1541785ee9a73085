"""A service with SQLAlchemy and Celery, as its worker has it: `celery -A tests.queues.celery_service worker`."""

from __future__ import annotations

import os

from stepper_motor import ForwardScheduler
from stepper_motor.queues.celery import CeleryQueue
from stepper_motor.sqlalchemy import Motor
from tests.queues.celery_app import BROKER, celery
from tests.sqlalchemy import service
from tests.sqlalchemy.errands import Journey


def made(app, driver):
    """The motor of this service."""
    return Motor(service.sessions(driver), journeys=Journey, scheduler=ForwardScheduler(CeleryQueue(app)))


if service.DRIVER in os.environ:
    app = celery(os.environ[BROKER])
    motor = made(app, os.environ[service.DRIVER])
