"""The Celery apps of these tests."""

from __future__ import annotations

import os

from celery import Celery, signals

from tests.queues.noting import report

BROKER = "STEPPER_MOTOR_TEST_BROKER"
BEAT = "STEPPER_MOTOR_TEST_BEAT"
"""Where it is set, Celery beat runs the sweep every so many seconds."""


def celery(broker: str) -> Celery:
    """An app, as a project's `celery.py` has it."""
    app = Celery("tests", broker=broker)
    app.conf.broker_connection_retry_on_startup = True
    app.conf.worker_hijack_root_logger = False
    app.conf.worker_prefetch_multiplier = 1
    if broker.startswith("redis"):
        app.conf.broker_transport_options = {"socket_timeout": 2}  # without it, Celery waits for an answer for ever
    if BEAT in os.environ:
        app.conf.beat_schedule = {"sweep": {"task": "stepper_motor.sweep", "schedule": float(os.environ[BEAT])}}
    return app


@signals.task_failure.connect
def _tell_the_error_tracker(exception, **_):
    report(exception)
