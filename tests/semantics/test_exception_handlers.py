"""on_exception=a function: it uses a verb, or the journey is paused. SEMANTICS 7."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Jumped,
    Paused,
    Reattempted,
    State,
)
from tests.home import Customer, acount
from tests.semantics.failing import failing, performed, started
from tests.semantics.seen import entries_of, last_entry, row_of

pytestmark = pytest.mark.database


class Declined(Exception): ...


HANDLED = [
    (lambda journey, error: journey.cancel("given up"), State.CANCELED, "work", "given up"),
    (lambda journey, error: journey.pause("ask someone"), State.PAUSED, "work", "ask someone"),
    (lambda journey, error: journey.skip(), State.READY, "more", None),
    (lambda journey, error: journey.reattempt(5), State.READY, "work", "ValueError: wrong"),
    (lambda journey, error: journey.jump_to("more"), State.READY, "more", None),
    (lambda journey, error: journey.finish(), State.FINISHED, None, None),
    (lambda journey, error: Canceled("returned"), State.CANCELED, "work", "returned"),
    (lambda journey, error: Jumped("more"), State.READY, "more", None),
    (lambda journey, error: Finished(), State.FINISHED, None, None),
    (lambda journey, error: None, State.PAUSED, "work", "ValueError: wrong"),
    (lambda journey, error: "cancel", State.PAUSED, "work", "ValueError: wrong"),
    (lambda journey, error: Completed(), State.PAUSED, "work", "ValueError: wrong"),
]


@pytest.mark.parametrize(("handler", "state", "next_step", "reason"), HANDLED)
def test_a_handler_uses_a_verb_and_without_one_it_pauses(handler, state, next_step, reason, clock, customer):
    journey = started(failing(ValueError("wrong"), on_exception=handler), customer, clock)
    assert isinstance(performed(journey), ValueError)
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.reason) == (state, next_step, reason)
    assert (row.steps_entered, row.steps_completed) == (1, 0)
    entry = last_entry(journey)
    assert (entry.outcome, entry.error_class, entry.message) == ("failed", "ValueError", "wrong")


def test_a_reattempt_of_a_handler_counts_as_a_failure_and_the_round_stays(clock, customer):
    journey = started(failing(ValueError(), on_exception=lambda journey, error: journey.reattempt()), customer, clock)
    performed(journey)
    assert (journey.attempts, journey.failures, journey.round) == (1, 1, 0)
    assert timedelta(seconds=9) <= journey.next_step_to_be_performed_at - clock.now() <= timedelta(seconds=11)


def test_a_handler_is_given_the_journey_and_the_error(clock, customer):
    given = []
    error = ValueError("wrong")
    journey = started(failing(error, on_exception=lambda *those: given.append(those)), customer, clock)
    performed(journey)
    ((handed, raised),) = given
    assert (handed.id, handed.hero, raised) == (journey.id, customer, error)


def test_an_async_handler_is_awaited(clock, customer):
    async def look_up(journey, error):
        if await acount(Customer, inside=journey) == 1:
            await journey.acancel("only one customer")

    journey = started(failing(ValueError(), on_exception=look_up), customer, clock)
    performed(journey)
    assert (journey.state, journey.reason) == (State.CANCELED, "only one customer")


def breaks(journey, error):
    raise RuntimeError("the handler is broken too")


@pytest.mark.parametrize(
    ("handler", "second"),
    [
        (breaks, "RuntimeError"),
        (lambda journey, error: journey.jump_to("nowhere"), "ValueError"),
        (lambda journey, error: journey.reattempt(-1), "ValueError"),
        (lambda journey, error: Failed(error, Paused()), "TypeError"),
        (lambda journey, error: Jumped("nowhere"), "ValueError"),
        (lambda journey, error: Reattempted(timedelta.max), "ValueError"),
        (lambda journey, error: journey.resume(), "stepper_motor.journeys.errors.InvalidState"),
        (lambda journey, error: next(iter(())), "StopIteration"),
    ],
)
def test_a_handler_that_raises_pauses_and_all_errors_are_kept(handler, second, clock, customer):
    journey = started(failing(Declined("first"), on_exception=handler), customer, clock)
    assert isinstance(performed(journey), Declined)
    assert journey.state == State.PAUSED
    assert journey.reason.startswith(f"its exception handler raised {second}")
    entry = last_entry(journey)
    assert entry.error_class == second
    assert "Declined: first" in entry.traceback
    assert len(entries_of(journey)) == 1
