"""What becomes of an exception: policies, handlers, budgets, and everything that can be raised. SEMANTICS 4 and 7."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from stepper_motor import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Interruption,
    Jumped,
    Lost,
    Paused,
    Reattempt,
    Reattempted,
    Skipped,
    State,
    step,
)
from stepper_motor.django import Journey
from tests.django.seen import entries_of, last_entry, row_of, told
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db


class RateLimited(Exception): ...


class PaymentError(Exception): ...


class Declined(PaymentError): ...


def failing(error, **options):
    def fail(self):
        raise error

    return working(fail, **options)


def working(body, *, of_class="pause", **options):
    class Failing(Journey[Customer]):
        on_exception = of_class
        work = step(body, name="work", wait=60, **options)
        more = step(lambda self: None, name="more")

    return Failing


def started(Failing, customer, clock):
    journey = Failing.start(customer)
    clock.move(timedelta(seconds=60))
    return journey


def performed(journey):
    """What `perform_next_step()` raises or gives."""
    try:
        return journey.perform_next_step()
    except BaseException as error:
        return error


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

    journey = Raising.start(customer)
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


# ------------------------------------------------------------------------------------------ back-off and budget


def test_an_exception_waits_by_the_back_off_and_not_by_the_steps_own_wait(clock, customer):
    journey = started(failing(ValueError(), on_exception=Reattempt(wait=10, jitter=0)), customer, clock)
    waits = []
    for _ in range(4):
        performed(journey)
        waits.append((journey.next_step_to_be_performed_at - clock.now()).total_seconds())
        clock.at = journey.next_step_to_be_performed_at
    assert waits == [10, 20, 40, 80]
    assert (journey.attempts, journey.failures, journey.round) == (4, 4, 0)


def test_the_word_reattempt_means_the_usual_one(clock, customer):
    journey = started(failing(ValueError(), on_exception="reattempt"), customer, clock)
    performed(journey)
    assert timedelta(seconds=9) <= journey.next_step_to_be_performed_at - clock.now() <= timedelta(seconds=11)


def test_max_attempts_counts_the_first_failure_too(clock, customer):
    journey = started(failing(ValueError(), on_exception=Reattempt(wait=0, max_attempts=2)), customer, clock)
    performed(journey)
    assert journey.state == State.READY
    performed(journey)
    assert (journey.state, journey.attempts, journey.failures) == (State.PAUSED, 2, 2)


def test_a_reattempt_the_code_asked_for_renews_the_budget(clock, customer):
    course = iter(["fail", "again", "fail", "fail"])

    def body(self):
        if next(course) == "again":
            self.reattempt(0)
        raise ValueError

    journey = started(working(body, on_exception=Reattempt(wait=0, max_attempts=2)), customer, clock)
    counts = []
    for _ in range(4):
        performed(journey)
        counts.append((journey.state, journey.attempts, journey.failures, journey.round))
    ready = State.READY
    assert counts == [(ready, 1, 1, 0), (ready, 2, 0, 1), (ready, 3, 1, 1), (State.PAUSED, 4, 2, 1)]


def test_a_resume_renews_the_budget(clock, customer):
    journey = started(failing(ValueError(), on_exception=Reattempt(wait=0, max_attempts=1)), customer, clock)
    performed(journey)
    journey.resume()
    assert (journey.attempts, journey.failures) == (1, 0)
    performed(journey)
    assert (journey.attempts, journey.failures) == (2, 1)


def test_a_normal_end_renews_the_budget(clock, customer):
    course = iter([True, False])

    def body(self):
        if next(course):
            raise ValueError

    journey = started(working(body, on_exception=Reattempt(wait=0)), customer, clock)
    performed(journey)
    performed(journey)
    assert (journey.next_step_name, journey.attempts, journey.failures) == ("more", 0, 0)
    assert [entry.attempt for entry in entries_of(journey)] == [1, 2]


# ----------------------------------------------------------------------------------------------------- handlers

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
    assert (handed.pk, handed.hero, raised) == (journey.pk, customer, error)


def test_an_async_handler_is_awaited(clock, customer):
    async def look_up(journey, error):
        if await Customer.objects.acount() == 1:
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


# ------------------------------------------------------------------------------------- outcomes that can't be

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
