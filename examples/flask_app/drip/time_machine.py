"""Makes days pass in seconds, in every process that is started with the same two environment variables."""

import os
from datetime import datetime

from stepper_motor.motor import clock

SPEED, ORIGIN = "DRIP_CLOCK_SPEED", "DRIP_CLOCK_ORIGIN"


def hurry_if_told() -> None:
    """For demonstrations: let time run DRIP_CLOCK_SPEED times as fast from DRIP_CLOCK_ORIGIN on."""
    if SPEED in os.environ:
        origin = datetime.fromisoformat(os.environ[ORIGIN])
        clock.install(clock.FastClock(speed=float(os.environ[SPEED]), origin=origin))
