"""What a body can't ask for, by a verb or by what it returns: the step raises. SEMANTICS 1."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import (
    Canceled,
    Completed,
    Failed,
    Interruption,
    Jumped,
    Lost,
    Paused,
    Reattempted,
)
from tests.semantics.failing import failing, started, working
from tests.semantics.seen import told

pytestmark = pytest.mark.database


WRONG = [
    (lambda self: Failed(ValueError(), Paused()), TypeError, "can't return Failed"),
    (lambda self: Lost(), TypeError, "can't return Lost"),
    (lambda self: Reattempted(-1), ValueError, "must not be negative"),
    (lambda self: Reattempted(wait=5, at=self.created_at), ValueError, "not both"),
    (lambda self: Reattempted(at=self.created_at.replace(tzinfo=None)), ValueError, "naive"),
    (lambda self: Jumped("nowhere"), ValueError, "no step 'nowhere'; it has work, more"),
    (lambda self: Jumped("more", wait=timedelta(days=-1)), ValueError, "must not be negative"),
    (lambda self: Jumped("more", wait=timedelta.max), ValueError, "year 9999"),
    (lambda self: self.reattempt(-1), ValueError, "must not be negative"),
    (lambda self: self.reattempt(float("nan")), ValueError, "out of range"),
    (lambda self: self.reattempt(timedelta.max), ValueError, "year 9999"),
    (lambda self: self.reattempt(5, at=self.created_at), ValueError, "not both"),
    (lambda self: self.reattempt(at=self.created_at.replace(tzinfo=None)), ValueError, "naive"),
    (lambda self: self.jump_to("nowhere"), ValueError, "no step 'nowhere'"),
    (lambda self: self.jump_to(), ValueError, "needs the name of a step"),
    (lambda self: self.cancel(by="me"), ValueError, "from outside"),
]


@pytest.mark.parametrize(("body", "error", "text"), WRONG)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_impossible_outcome_is_the_step_raising(kind, body, error, text, clock, customer):
    async def later(self):
        return body(self)

    journey = started(working(later if kind == "async" else body, on_exception="skip"), customer, clock)
    with pytest.raises(error, match=text):
        journey.perform_next_step()
    assert (journey.next_step_name, journey.steps_entered, journey.steps_completed) == ("more", 1, 0)
    assert told(journey) == [("work", "failed")]


def test_an_interruption_raised_by_hand_is_held_to_the_same_rules(clock, customer):
    journey = started(failing(Interruption(Lost()), on_exception="skip"), customer, clock)
    with pytest.raises(TypeError, match="can't return Lost"):
        journey.perform_next_step()
    journey = started(failing(Interruption(Canceled("by hand"))), None, clock)
    assert journey.perform_next_step() == Canceled("by hand")


def test_except_exception_can_not_swallow_a_verb(clock, customer):
    def careless(self):
        try:
            self.cancel("for good")
        except Exception:
            raise AssertionError("swallowed") from None

    assert started(working(careless), customer, clock).perform_next_step() == Canceled("for good")


@pytest.mark.parametrize("value", [5, "text", object(), (), {"a": 1}, Completed])
def test_any_other_value_that_is_returned_is_ignored(value, clock, customer):
    assert started(working(lambda self: value), customer, clock).perform_next_step() == Completed()
