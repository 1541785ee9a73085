"""What is due now, of all journeys, performed as a worker would."""

from datetime import timedelta

import pytest
from django.db import transaction

from stepper_motor import State, StepperMotorError, now, step
from stepper_motor.django import Journey
from stepper_motor.testing import LimitReached, run_due, travel
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Payment, PaymentJourney
from tests.testing.conftest import NEW_YEAR

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def names(performed):
    return [(each.journey.hero_id, each.step) for each in performed]


@pytest.fixture
def customers():
    return [Customer.objects.create(name=name) for name in ("Ada", "Grace", "Mary")]


def test_the_longest_due_comes_first_whatever_the_order_of_their_starts(customers, clock):
    for hours, customer in zip((2, 3, 1), customers, strict=True):
        Drip.start(customer, at=NEW_YEAR + hours * HOUR)
    with travel(4 * HOUR):
        performed = run_due()
    ada, grace, mary = (str(customer.pk) for customer in customers)
    assert names(performed) == [(mary, "welcome"), (ada, "welcome"), (grace, "welcome")]


def test_those_that_are_due_together_come_in_the_order_of_their_ids(customers, clock):
    journeys = [Drip.start(customer) for customer in customers]
    assert [each.journey.pk for each in run_due()] == [journey.pk for journey in journeys]


def test_all_tables_are_served_by_due_time(customers, clock):
    payment = PaymentJourney.start(Payment.objects.create(amount=12), at=NEW_YEAR + HOUR)
    before, after = (Drip.start(customers[n], at=NEW_YEAR + 2 * n * HOUR) for n in (0, 1))
    with travel(2 * HOUR):
        performed = run_due()
    assert [each.journey.pk for each in performed] == [before.pk, payment.pk, after.pk]
    assert [each.step for each in performed] == ["welcome", "initiate", "welcome"]


def test_only_what_is_due_is_performed(customers, clock):
    early, late = Drip.start(customers[0]), Drip.start(customers[1], at=NEW_YEAR + HOUR)
    assert [each.journey.pk for each in run_due()] == [early.pk]
    assert run_due() == []
    clock.move(HOUR)
    assert [each.journey.pk for each in run_due()] == [late.pk]


def test_what_becomes_due_at_once_is_performed_too(customers):
    class RunsOn(Journey[Customer]):
        @step
        def one(self): ...

        @step
        def two(self): ...

        @step(wait=1)
        def three(self): ...

    RunsOn.start(customers[0])
    assert [each.step for each in run_due()] == ["one", "two"]


def test_a_story_of_several_heroes_is_told_day_by_day(customers, clock):
    for customer in customers:
        Drip.start(customer)
    told = []
    for _ in range(40):
        told += [f"day {(each.at - NEW_YEAR).days}: {each.step}" for each in run_due()]
        clock.move(timedelta(days=1))
    assert told == ["day 0: welcome"] * 3 + ["day 2: remind"] * 3 + ["day 32: farewell"] * 3


class ExplodesByName(Journey[Customer]):
    @step
    def explode(self):
        raise RuntimeError(f"boom {self.hero.name}")


def test_one_that_raises_stops_no_other_and_is_raised_at_the_end(customers, clock):
    ExplodesByName.start(customers[0])
    journey = Drip.start(customers[1])
    with pytest.raises(RuntimeError, match="boom Ada"):
        run_due()
    assert Drip.objects.get(pk=journey.pk).next_step_name == "remind"


def test_several_that_raise_are_raised_as_a_group(customers, clock):
    for customer in customers[:2]:
        ExplodesByName.start(customer)
    with pytest.raises(ExceptionGroup, match="2 steps raised") as caught:
        run_due()
    assert [str(error) for error in caught.value.exceptions] == ["boom Ada", "boom Grace"]


def test_or_they_are_only_told_as_a_worker_does(customers):
    ExplodesByName.start(customers[0])
    (performed,) = run_due(reraise=False)
    assert str(performed.error) == "boom Ada"
    assert performed.journey.state == State.PAUSED
    assert str(performed).endswith("explode: failed (RuntimeError('boom Ada'))")


def test_a_limit_ends_what_would_go_on_for_ever(customers):
    class NeverRests(Journey[Customer]):
        @step
        def again(self):
            self.reattempt(wait=0)

    journey = NeverRests.start(customers[0])
    with pytest.raises(LimitReached, match="more than 5 steps are due now") as caught:
        run_due(limit=5)
    assert str(caught.value).count("again: reattempted") == 5
    journey.refresh_from_db()
    assert journey.state == State.READY
    assert journey.steps_entered == 5


def test_time_stands_still_meanwhile_and_is_real_again_afterwards(customers):
    moments = []

    class LooksAtTheClock(Journey[Customer]):
        @step
        def look(self):
            moments.append(now())

    for customer in customers:
        LooksAtTheClock.start(customer)
    run_due()
    assert len(set(moments)) == 1
    assert now() > moments[0]


def test_within_a_transaction_of_the_tests_own_it_is_an_error(customers):
    with transaction.atomic(), pytest.raises(StepperMotorError, match="outside of a transaction"):
        run_due()
