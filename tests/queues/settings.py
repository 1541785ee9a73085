"""The settings of a queue's worker process: the journeys of these tests, and the queue that the test names."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

more = os.environ.get("STEPPER_MOTOR_TEST_APPS", "").split()
"""Those that a queue needs."""
INSTALLED_APPS = [*INSTALLED_APPS, "tests.queues.apps.JourneysOfQueues", *more]
STEPPER_MOTOR = json.loads(os.environ.get("STEPPER_MOTOR_TEST_SETTINGS", "{}"))

if "STEPPER_MOTOR_TEST_QUEUE" in os.environ:
    STEPPER_MOTOR["SCHEDULER"] = "tests.queues.noting.scheduler"
