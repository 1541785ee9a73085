"""Makes days pass in seconds, in every process that is started with the same two environment variables."""

import os
from datetime import datetime

from stepper_motor.motor.clock import FastClock


def hurried_clock() -> FastClock | None:
    """The clock of the demo, or None when time is to pass as it does outside."""
    if "SHOP_CLOCK_SPEED" not in os.environ:
        return None
    return FastClock(
        speed=float(os.environ["SHOP_CLOCK_SPEED"]),
        origin=datetime.fromisoformat(os.environ["SHOP_CLOCK_ORIGIN"]),
    )


def hurry(*, speed: float, origin: datetime) -> None:
    """Has this process and its children live `speed` times as fast from `origin` on; call it before Django's set-up."""
    os.environ["SHOP_CLOCK_SPEED"] = str(speed)
    os.environ["SHOP_CLOCK_ORIGIN"] = origin.isoformat()
