"""A speedrun: months of a journey within one test, which is rolled back as ever."""

from datetime import timedelta
from time import perf_counter

import pytest
from django.db import IntegrityError, transaction

from stepper_motor import Completed, InvalidState, Reattempt, State, StepperMotorError, cancel_if, now, step
from stepper_motor.django import Journey
from stepper_motor.motor import clock as library
from stepper_motor.motor.clock import SetClock
from stepper_motor.testing import LimitReached, NotPerformed, speedrun
from tests.shop.models import Customer
from tests.testing.conftest import NEW_YEAR

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


class WeeklyDrip(Journey[Customer]):
    """Six months, week by week."""

    def tell(self):
        self.data.setdefault("told", []).append(now().isoformat())

    @cancel_if
    def customer_left(self):
        return self.hero.deactivated

    weeks = step(tell, wait=timedelta(weeks=1), times=26)


class AsksAgain(Journey[Customer]):
    """Asks again and again until it was told often enough."""

    @step(wait=30)
    def ask(self):
        asked = self.data["asked"] = self.data.get("asked", 0) + 1
        if asked < self.data.get("until", 10**6):
            self.reattempt()

    @step
    def thank(self): ...


def test_six_months_of_a_journey_take_a_moment(customer, clock):
    journey = WeeklyDrip.start(customer)
    began = perf_counter()
    performed = speedrun(journey)
    seconds = perf_counter() - began
    assert journey.state == State.FINISHED
    assert [each.at for each in performed] == [NEW_YEAR + timedelta(weeks=week) for week in range(1, 27)]
    assert journey.data["told"] == [each.at.isoformat() for each in performed]
    assert journey.ended_at == NEW_YEAR + timedelta(weeks=26)
    assert seconds < 5, "26 steps in a second or so, also on a busy machine"


def test_it_begins_at_the_present_where_nobody_set_the_clock(customer):
    journey = WeeklyDrip.start(customer)
    before = now()
    last = speedrun(journey)[-1]
    assert timedelta(weeks=26) - DAY < last.at - before < timedelta(weeks=26) + DAY


def test_afterwards_the_clock_is_the_one_of_before(customer):
    before = library.installed()
    speedrun(WeeklyDrip.start(customer))
    assert library.installed() is before


def test_afterwards_a_standing_clock_shows_the_time_of_before(customer, clock):
    speedrun(WeeklyDrip.start(customer))
    assert library.installed() is clock
    assert clock.now() == NEW_YEAR


def test_the_clock_is_put_back_after_an_error_too(customer, clock):
    class Explosive(Journey[Customer]):
        @step(wait=DAY)
        def explode(self):
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        speedrun(Explosive.start(customer))
    assert library.installed() is clock
    assert clock.now() == NEW_YEAR


def test_a_step_that_was_due_earlier_is_performed_now_and_not_in_the_past(customer, clock):
    journey = WeeklyDrip.start(customer)
    clock.move(timedelta(weeks=2))
    first, second = speedrun(journey, until="weeks_3")
    assert first.at == NEW_YEAR + timedelta(weeks=2)
    assert second.at == NEW_YEAR + timedelta(weeks=3)


def test_it_works_on_the_row_however_old_the_object_is(customer, clock):
    journey = WeeklyDrip.start(customer)
    stale = WeeklyDrip.objects.get()
    speedrun(journey, until="weeks_26")
    assert len(speedrun(stale)) == 1
    assert stale.state == State.FINISHED


def test_it_stops_where_the_journey_is_canceled(customer, clock):
    journey = WeeklyDrip.start(customer)
    speedrun(journey, until="weeks_2")
    Customer.objects.update(deactivated=True)
    (last,) = speedrun(journey)
    assert last.outcome.name == "canceled"
    assert journey.state == State.CANCELED


def test_it_stops_where_the_journey_is_paused_and_performs_nothing_of_one_that_is(customer, clock):
    class TakesALook(Journey[Customer]):
        @step
        def look(self):
            self.pause("a person has to look at it")

        @step
        def go_on(self): ...

    journey = TakesALook.start(customer)
    assert [each.step for each in speedrun(journey)] == ["look"]
    assert journey.state == State.PAUSED
    assert speedrun(journey) == []


def test_it_performs_nothing_of_a_journey_that_has_ended(customer):
    journey = WeeklyDrip.start(customer)
    journey.cancel()
    assert speedrun(journey) == []


def test_reattempts_are_performed_at_their_times(customer, clock):
    journey = AsksAgain.start(customer, data={"until": 3})
    performed = speedrun(journey)
    assert [(each.step, each.outcome.name) for each in performed] == [
        ("ask", "reattempted"), ("ask", "reattempted"), ("ask", "completed"), ("thank", "completed"),
    ]  # fmt: skip
    assert [each.at - NEW_YEAR for each in performed] == [timedelta(seconds=s) for s in (30, 60, 90, 90)]


def test_a_journey_that_goes_in_circles_stops_at_the_limit_and_its_history_is_told(customer, clock):
    journey = AsksAgain.start(customer)
    with pytest.raises(LimitReached) as caught:
        speedrun(journey, limit=2)
    assert str(caught.value).startswith(
        f"AsksAgain {journey.pk} could go on after 2 steps. History so far:\n"
        "  2030-01-01 09:00:30 UTC  ask: reattempted, ready\n"
        "  2030-01-01 09:01:00 UTC  ask (attempt 2): reattempted, ready\n"
        "Waits until 2030-01-01 09:01:30 UTC (in 30 seconds) for step 'ask'. So far 2 attempts at step 'ask'."
    )
    assert journey.data == {"asked": 2}
    assert clock.now() == NEW_YEAR


def test_the_limit_is_a_hundred_steps_and_the_last_twenty_are_shown(customer, clock):
    with pytest.raises(LimitReached, match=r"after 100 steps") as caught:
        speedrun(AsksAgain.start(customer))
    lines = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert lines[0] == "  ... 80 earlier lines"
    assert len(lines) == 21


def test_a_journey_of_exactly_as_many_steps_is_within_the_limit(customer):
    assert len(speedrun(AsksAgain.start(customer, data={"until": 2}), limit=3)) == 3


@pytest.mark.parametrize("limit", [0, -1, 1.5, "2", True])
def test_a_limit_that_is_none_is_refused(customer, limit):
    with pytest.raises(ValueError, match="limit must be a whole number"):
        speedrun(WeeklyDrip.start(customer), limit=limit)


def test_it_can_stop_before_a_step(customer, clock):
    journey = AsksAgain.start(customer, data={"until": 2})
    speedrun(journey, until="thank")
    assert journey.next_step_name == "thank"
    assert speedrun(journey, until="thank") == []


def test_a_step_to_stop_at_that_it_never_came_to_is_an_error_with_the_history(customer, clock):
    journey = AsksAgain.start(customer)
    journey.cancel("no longer needed", by="Grace")
    with pytest.raises(LimitReached, match="did not come to step 'thank'") as caught:
        speedrun(journey, until="thank")
    assert "ask (from outside, by Grace): canceled (no longer needed)" in str(caught.value)


def test_a_step_to_stop_at_that_there_is_not_is_an_error_that_lists_the_steps(customer):
    with pytest.raises(ValueError, match="AsksAgain has no step 'thanks'; it has ask, thank"):
        speedrun(AsksAgain.start(customer), until="thanks")


class SleepyBank(Journey[Customer]):
    on_exception = Reattempt(wait=60, backoff=2, max_attempts=3, jitter=0)

    @step
    def call_the_bank(self):
        raise ConnectionError("the bank is asleep")


def test_what_a_step_raises_is_raised_once_it_is_settled_and_carries_the_history(customer, clock):
    journey = SleepyBank.start(customer)
    with pytest.raises(ConnectionError, match="the bank is asleep") as caught:
        speedrun(journey)
    assert journey.state == State.READY
    assert journey.failures == 1
    (note,) = caught.value.__notes__
    assert note.startswith(f"Raised by step 'call_the_bank' of SleepyBank {journey.pk}. History so far:\n")
    assert "call_the_bank: failed, ready (ConnectionError: the bank is asleep)" in note


def test_or_the_policy_has_its_way(customer, clock):
    journey = SleepyBank.start(customer)
    performed = speedrun(journey, reraise=False)
    assert [each.at - NEW_YEAR for each in performed] == [timedelta(seconds=s) for s in (0, 60, 180)]
    assert all(isinstance(each.error, ConnectionError) for each in performed)
    assert journey.state == State.PAUSED
    assert journey.reason == "ConnectionError: the bank is asleep"


def test_an_interrupt_is_always_raised(customer):
    class IsInterrupted(Journey[Customer]):
        @step
        def wait_for_input(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        speedrun(IsInterrupted.start(customer), reraise=False)


def test_a_step_whose_statement_the_database_refused_is_settled_in_a_test_as_elsewhere(customer):
    class InsertsTwice(Journey[Customer]):
        @step
        def insert_twice(self):
            Customer.objects.create(id=customer.pk, name="Ada again")

        @step
        def go_on(self): ...

    journey = InsertsTwice.start(customer)
    with pytest.raises(IntegrityError):
        speedrun(journey)
    assert journey.state == State.PAUSED
    assert "IntegrityError" in journey.reason
    assert Customer.objects.count() == 1


def test_hooks_and_atomic_steps_are_performed_as_a_worker_would(customer):
    class TellsAll(Journey[Customer]):
        def before_step_starts(self, step):
            self.data.setdefault("told", []).append(f"before {step}")

        def around_step(self, step):
            self.data["told"].append(f"around {step}")
            yield

        def after_step_ends(self, step, outcome):
            self.data["told"].append(f"after {step}: {outcome.name}")

        def after_finish(self):
            Customer.objects.create(name="told of the end")

        @step(atomic=True)
        def pay(self):
            self.hero.name = "paid"
            self.hero.save()

        @step
        async def thank(self):
            await Customer.objects.acreate(name="thanked")

    journey = TellsAll.start(customer)
    assert [each.outcome for each in speedrun(journey)] == [Completed(), Completed()]
    assert journey.data["told"] == [
        "before pay", "around pay", "after pay: completed", "before thank", "around thank", "after thank: completed",
    ]  # fmt: skip
    assert set(Customer.objects.values_list("name", flat=True)) == {"paid", "thanked", "told of the end"}


def test_a_step_that_deletes_its_journey_ends_the_speedrun(customer):
    class DeletesItself(Journey[Customer]):
        @step
        def vanish(self):
            DeletesItself.objects.filter(pk=self.pk).delete()

        @step
        def never(self): ...

    assert speedrun(DeletesItself.start(customer)) == []
    assert not Journey.objects.exists()


def test_a_step_that_this_code_does_not_know_is_an_error_that_says_so(customer):
    class LosesItsStep(Journey[Customer]):
        @step
        def remind(self): ...

    LosesItsStep.start(customer)

    class LosesItsStep(Journey[Customer]):  # a deploy that removed the step
        @step
        def write(self): ...

    with pytest.raises(NotPerformed, match=r"(?s)could not be performed.*'remind', which this code does not know"):
        speedrun(LosesItsStep.objects.get())


def test_a_journey_that_another_performs_is_an_error(customer):
    class RunsItself(Journey[Customer]):
        @step
        def speedrun_itself(self):
            speedrun(Journey.objects.get(pk=self.pk))

    with pytest.raises(InvalidState, match="can't perform the next step of a journey that is performing"):
        speedrun(RunsItself.start(customer))


def test_within_a_transaction_of_the_tests_own_it_is_an_error(customer):
    journey = WeeklyDrip.start(customer)
    with transaction.atomic(), pytest.raises(StepperMotorError, match="outside of a transaction"):
        speedrun(journey)
    assert isinstance(library.installed(), SetClock) is False


@pytest.mark.django_db(transaction=True)
def test_it_works_where_tests_commit_too():
    journey = WeeklyDrip.start(Customer.objects.create(name="Ada"))
    speedrun(journey)
    assert journey.state == State.FINISHED
