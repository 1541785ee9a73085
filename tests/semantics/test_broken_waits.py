"""A wait that raises, after a step or in a reattempt: what was done stays done. SEMANTICS 3."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stepper_motor import Completed, Reattempted, Skipped, State, now, step
from tests.home import Customer, Journey, count, put, save, start
from tests.semantics.seen import last_entry, row_of, told

pytestmark = pytest.mark.database


def raises(self):
    raise LookupError("no delivery date")


class Speechless(Exception):
    def __str__(self):
        raise ValueError


def says_nothing(self):
    raise Speechless


def stops(self):
    raise SystemExit


BROKEN = [
    ({"wait": raises}, "LookupError", "no delivery date"),
    ({"wait": lambda self: -1}, "ValueError", "must not be negative"),
    ({"wait": lambda self: "soon"}, "TypeError", "must be a timedelta or a number of seconds"),
    ({"wait": lambda self: timedelta.max}, "ValueError", "year 9999"),
    ({"wait": lambda self: self.cancel()}, "TypeError", "can't use a verb"),
    ({"wait": stops}, "SystemExit", ""),
    ({"wait": lambda self: next(iter(()))}, "StopIteration", ""),
    ({"wait": says_nothing}, f"{__name__}.Speechless", "its text can't be had"),
    ({"after": raises}, "LookupError", "no delivery date"),
    ({"at": lambda self: datetime(2030, 1, 1)}, "ValueError", "naive"),  # noqa: DTZ001
    ({"at": lambda self: "tomorrow"}, "TypeError", "must be a datetime"),
    ({"at": lambda self: self.pause()}, "TypeError", "can't use a verb"),
]


def before_a_broken_wait(body=lambda self: None, **options):
    class Delivery(Journey[Customer]):
        order = step(body, name="order")
        deliver = step(lambda self: None, name="deliver", **options)

    return Delivery


@pytest.mark.parametrize(("options", "error", "text"), BROKEN)
def test_after_a_step_the_step_stays_done_and_the_journey_is_paused(options, error, text, clock, customer):
    journey = start(before_a_broken_wait(**options), customer)
    put(journey, attempts=2, failures=1, losses=1)
    before = row_of(journey)
    assert journey.perform_next_step() == Completed()
    row = row_of(journey)
    assert (row.state, row.previous_step_name, row.next_step_name) == (State.PAUSED, "order", "deliver")
    assert row.next_step_to_be_performed_at is None
    assert (row.steps_entered, row.steps_completed) == (1, 1)
    assert (row.attempts, row.failures, row.losses) == (0, 0, 0)
    assert row.fence != before.fence
    assert row.reason.startswith(f"the wait of step 'deliver' raised {error.rpartition('.')[2]}")
    entry = last_entry(journey)
    assert (entry.step_name, entry.outcome, entry.state) == ("order", "completed", State.PAUSED)
    assert entry.error_class == error
    assert text in entry.message
    assert error.rpartition(".")[2] in entry.traceback
    assert told(journey) == [("order", "completed")]


def test_a_broken_wait_is_repaired_and_the_journey_goes_on(clock, customer):
    journey = start(before_a_broken_wait(wait=lambda self: self.data["days"] * 86_400), customer)
    journey.perform_next_step()
    assert journey.state == State.PAUSED
    journey.data["days"] = 2
    save(journey)
    journey.resume()
    journey.reschedule()
    assert journey.next_step_to_be_performed_at == clock.now() + timedelta(days=2)


def test_after_a_skip_it_is_the_same(customer):
    journey = start(before_a_broken_wait(lambda self: self.skip(), wait=raises), customer)
    assert journey.perform_next_step() == Skipped()
    row = row_of(journey)
    assert (row.state, row.previous_step_name, row.next_step_name) == (State.PAUSED, "order", "deliver")
    assert (row.next_step_to_be_performed_at, row.steps_completed) == (None, 0)


def test_after_an_exception_that_skips_both_errors_are_told(customer):
    journey = before_a_broken_wait(lambda self: 1 / 0, wait=raises)
    journey = start(type("SkippingDelivery", (journey,), {"on_exception": "skip", "__module__": __name__}), customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert (journey.state, journey.next_step_name) == (State.PAUSED, "deliver")
    entry = last_entry(journey)
    assert (entry.outcome, entry.error_class) == ("failed", "ZeroDivisionError")
    assert "no delivery date" in entry.reason


def test_the_own_wait_of_a_step_that_raises_in_a_reattempt(customer):
    class Polling(Journey[Customer]):
        @step(wait=lambda self: raises(self) if self.data else 0)
        def poll(self):
            self.data["asked"] = True
            self.reattempt()

    journey = put(start(Polling, customer), failures=1, losses=1, attempts=2, round=3)
    before = row_of(journey)
    assert journey.perform_next_step() == Reattempted()
    row = row_of(journey)
    assert (row.state, row.previous_step_name, row.next_step_name) == (State.PAUSED, "poll", "poll")
    assert row.next_step_to_be_performed_at is None
    assert (row.attempts, row.failures, row.losses, row.round) == (3, 0, 0, 4)
    assert (row.steps_entered, row.steps_completed) == (1, 0)
    assert row.fence != before.fence
    assert row.reason == "the wait of step 'poll' raised LookupError: no delivery date"
    assert (last_entry(journey).outcome, last_entry(journey).error_class) == ("reattempted", "LookupError")
    assert journey.data == {"asked": True}


def test_a_wait_is_asked_without_a_transaction_and_sees_what_the_step_left(clock, customer):
    journey = start(
        before_a_broken_wait(
            lambda self: self.data.update(days=3), wait=lambda self: timedelta(days=self.data["days"])
        ),
        customer,
    )
    journey.perform_next_step()
    assert journey.next_step_to_be_performed_at == clock.now() + timedelta(days=3)


def test_a_wait_counts_from_the_end_of_the_step_before(clock, customer):
    journey = start(before_a_broken_wait(lambda self: clock.move(timedelta(hours=1)), wait=60), customer)
    began = clock.now()
    journey.perform_next_step()
    assert journey.next_step_to_be_performed_at == began + timedelta(hours=1, seconds=60)


def test_after_counts_from_the_creation_and_catches_up(clock, customer):
    class Drip(Journey[Customer]):
        @step
        def one(self): ...

        @step(after=timedelta(days=2))
        def two(self): ...

        @step(after=timedelta(days=3))
        def three(self): ...

    journey = start(Drip, customer)
    created = clock.now()
    clock.move(timedelta(hours=30))
    journey.perform_next_step()
    assert journey.next_step_to_be_performed_at == created + timedelta(days=2)
    clock.move(timedelta(days=5))
    journey.perform_next_step()
    assert journey.next_step_to_be_performed_at == clock.now()


def test_at_gives_the_very_time_and_the_past_means_now(clock, customer):
    class Reminders(Journey[Customer]):
        @step
        def one(self): ...

        @step(at=lambda self: now() + timedelta(days=1))
        def two(self): ...

        @step(at=lambda self: now() - timedelta(days=1))
        def three(self): ...

    journey = start(Reminders, customer)
    journey.perform_next_step()
    assert journey.next_step_to_be_performed_at == clock.now() + timedelta(days=1)
    clock.move(timedelta(days=1))
    journey.perform_next_step()
    assert journey.next_step_to_be_performed_at == clock.now()


def test_the_first_wait_that_raises_refuses_the_start(customer):
    class Never(Journey[Customer]):
        @step(wait=stops)
        def one(self): ...

    with pytest.raises(SystemExit):
        start(Never, customer)
    assert not count(Never)
