"""The settings of a worker process: the tests' own, the journeys of these tests, and what the test asks for."""

from __future__ import annotations

import json
import os
from datetime import datetime

from stepper_motor.motor.clock import FastClock
from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.worker.apps.JourneysOfTheseTests"]
STEPPER_MOTOR = json.loads(os.environ.get("STEPPER_MOTOR_TEST_SETTINGS", "{}"))

if "STEPPER_MOTOR_TEST_CLOCK" in os.environ:
    speed, origin = os.environ["STEPPER_MOTOR_TEST_CLOCK"].split(" ", 1)
    STEPPER_MOTOR["CLOCK"] = FastClock(float(speed), datetime.fromisoformat(origin))
