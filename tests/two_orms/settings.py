"""The settings of a Django worker process: the tests' own, and the journeys of these tests."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.two_orms.apps.JourneysOfTheseTests"]
STEPPER_MOTOR = json.loads(os.environ.get("STEPPER_MOTOR_TEST_SETTINGS", "{}"))
