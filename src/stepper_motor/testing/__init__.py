"""What tests of journeys need: speedruns, single steps, time travel, what is due, and assertions.

All of it works inside Django's `TestCase` and pytest-django's `db` fixture (nothing is committed), and outside of
them. Under pytest the plugin offers the same as fixtures. The manual's page is docs/testing.md.
"""

from stepper_motor.testing.assertions import (
    aassert_at_step,
    aassert_canceled,
    aassert_completed,
    aassert_due,
    aassert_finished,
    aassert_paused,
    aassert_skipped,
    aassert_state,
    assert_at_step,
    assert_canceled,
    assert_completed,
    assert_due,
    assert_finished,
    assert_paused,
    assert_skipped,
    assert_state,
)
from stepper_motor.testing.due import arun_due, run_due
from stepper_motor.testing.performed import NotPerformed, Performed
from stepper_motor.testing.process_time import ProcessClock, process_clock
from stepper_motor.testing.single_steps import aperform_next_step, aperform_step, perform_next_step, perform_step
from stepper_motor.testing.speedruns import LimitReached, aspeedrun, speedrun
from stepper_motor.testing.stories import story
from stepper_motor.testing.time_travel import Travel, travel

__all__ = [
    "LimitReached",
    "NotPerformed",
    "Performed",
    "ProcessClock",
    "Travel",
    "aassert_at_step",
    "aassert_canceled",
    "aassert_completed",
    "aassert_due",
    "aassert_finished",
    "aassert_paused",
    "aassert_skipped",
    "aassert_state",
    "aperform_next_step",
    "aperform_step",
    "arun_due",
    "aspeedrun",
    "assert_at_step",
    "assert_canceled",
    "assert_completed",
    "assert_due",
    "assert_finished",
    "assert_paused",
    "assert_skipped",
    "assert_state",
    "perform_next_step",
    "perform_step",
    "process_clock",
    "run_due",
    "speedrun",
    "story",
    "travel",
]
