"""What becomes of an exception: policies, handlers, budgets, and everything that can be raised. SEMANTICS 4 and 7."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from stepper_motor import (
    Canceled,
    Completed,
    Paused,
    Reattempt,
    Reattempted,
    Skipped,
    State,
    step,
)
from tests.home import Customer, Journey, start
from tests.semantics.failing import failing, performed, started
from tests.semantics.seen import entries_of, last_entry

pytestmark = pytest.mark.database


class RateLimited(Exception): ...


class PaymentError(Exception): ...


class Declined(PaymentError): ...


class BadText(Exception):
    def __str__(self):
        raise ValueError("no text")


class WorseText(Exception):
    def __str__(self):
        raise SystemExit


class NoText(Exception):
    def __str__(self):
        return None


class Bottom(BaseException): ...


EVERYTHING = [
    (ValueError, "wrong"), (SystemExit, 3), (KeyboardInterrupt,), (GeneratorExit,), (asyncio.CancelledError,),
    (Bottom, "deep"), (StopIteration, "over"), (StopAsyncIteration,), (RecursionError,), (MemoryError,), (BadText,),
    (WorseText,), (NoText,), (Exception,), (ValueError, "nul \0, lone \udcff"), (OSError, "gone"), (TimeoutError,),
]  # fmt: skip


@pytest.mark.parametrize("made_of", EVERYTHING, ids=lambda made_of: made_of[0].__name__)
@pytest.mark.parametrize("kind", ["sync", "async", "condition", "hook"])
def test_whatever_is_raised_is_settled_told_and_raised_again(kind, made_of, customer):
    def fail(*_):
        raise made_of[0](*made_of[1:])

    async def fail_later(self):
        fail()

    class Raising(Journey[Customer]):
        on_exception = "skip"
        work = step({"sync": fail, "async": fail_later}.get(kind, lambda self: None), name="work",
                    skip_if=fail if kind == "condition" else False)  # fmt: skip
        more = step(lambda self: None, name="more")

        def before_step_starts(self, step):
            return kind == "hook" and step.name == "work" and fail()

    journey = start(Raising, customer)
    raised = performed(journey)
    expected = RuntimeError if kind == "async" and made_of[0] is StopIteration else made_of[0]
    assert type(raised) is expected
    assert (journey.state, journey.next_step_name, journey.performed_by) == (State.READY, "more", None)
    entry = last_entry(journey)
    assert (entry.outcome, entry.error_class.rpartition(".")[2]) == ("failed", expected.__name__)
    assert len(entries_of(journey)) == 1
    assert journey.perform_next_step() == Completed()


def test_without_a_policy_it_pauses_and_says_why(clock, customer):
    journey = started(failing(ValueError("wrong")), customer, clock)
    performed(journey)
    assert (journey.state, journey.reason) == (State.PAUSED, "ValueError: wrong")


def test_the_error_is_kept_with_its_class_message_and_traceback(clock, customer):
    journey = started(failing(Declined("card expired")), customer, clock)
    performed(journey)
    entry = last_entry(journey)
    assert (entry.error_class, entry.message) == (f"{__name__}.Declined", "card expired")
    assert "raise error" in entry.traceback
    assert entry.traceback.rstrip().endswith("Declined: card expired")


def test_of_a_long_traceback_the_end_is_kept(clock, customer):
    journey = started(failing(Exception("x" * 100_000 + "end")), customer, clock)
    performed(journey)
    assert len(last_entry(journey).traceback) == 10_000
    assert len(last_entry(journey).message) == 2000
    assert len(journey.reason) <= 500


def test_what_no_database_keeps_is_replaced(clock, customer):
    journey = started(failing(ValueError("nul \0 lone \ud800 end")), customer, clock)
    performed(journey)
    assert last_entry(journey).message == "nul \ufffd lone \ufffd end"
    assert journey.reason == "ValueError: nul \ufffd lone \ufffd end"


def test_an_error_without_a_text_is_told_all_the_same(clock, customer):
    journey = started(failing(BadText()), customer, clock)
    performed(journey)
    assert last_entry(journey).message == "(its text can't be had: ValueError)"


def test_the_policy_of_the_step_comes_before_that_of_the_class(clock, customer):
    journey = started(failing(ValueError(), of_class="cancel", on_exception="skip"), customer, clock)
    performed(journey)
    assert (journey.state, journey.next_step_name) == (State.READY, "more")


def test_the_policy_of_the_class_serves_steps_without_one(clock, customer):
    journey = started(failing(ValueError(), of_class="cancel"), customer, clock)
    performed(journey)
    assert journey.state == State.CANCELED


MAPPING = {PaymentError: "cancel", Declined: "skip", RateLimited: Reattempt(wait=30, jitter=0), Exception: "pause"}


@pytest.mark.parametrize(
    ("error", "then"),
    [
        (PaymentError(), Canceled()),
        (Declined(), Skipped()),
        (RateLimited(), Reattempted(timedelta(seconds=30))),
        (OSError(), Paused()),
        (SystemExit(), Paused()),
    ],
)
def test_in_a_mapping_the_most_specific_class_wins(error, then, clock, customer):
    told_of = []
    Failing = failing(error, on_exception=MAPPING)
    Failing.after_step_ends = lambda self, step, outcome: told_of.append(outcome)
    object.__setattr__(Failing.definition, "has_hooks", frozenset({"after_step_ends"}))
    performed(started(Failing, customer, clock))
    assert [outcome.then for outcome in told_of] == [then]


def test_a_mapping_in_which_nothing_matches_pauses(clock, customer):
    journey = started(failing(ValueError("wrong"), on_exception={OSError: "skip"}), customer, clock)
    performed(journey)
    assert (journey.state, journey.reason) == (State.PAUSED, "ValueError: wrong")
