"""idempotency_key and round_key: what a step hands to others. SEMANTICS 1 and 3."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import Reattempt, step
from tests.home import Customer, Journey, Payment, PaymentJourney, create, found, save, start
from tests.semantics.seen import claimed_by, recover

pytestmark = pytest.mark.database


class Charging(Journey[Customer]):
    keys = []
    on_exception = Reattempt(wait=0)

    @step
    def charge(self):
        self.keys.append((self.idempotency_key, self.round_key, self.round))
        todo = self.data["todo"].pop(0)
        save(self)
        if todo == "fail":
            raise ConnectionError
        if todo == "again":
            self.reattempt(0)
        if todo == "back":
            self.jump_to("charge")

    @step
    def thank(self):
        self.keys.append((self.idempotency_key, self.round_key, self.round))


@pytest.fixture(autouse=True)
def _no_keys():
    Charging.keys.clear()


def perform(journey, times):
    for _ in range(times):
        try:
            journey.perform_next_step()
        except ConnectionError:
            pass


def charging(customer, *todo, **options):
    return start(Charging, customer, data={"todo": [*todo, "done"]}, **options)


def test_a_key_is_a_short_text_that_a_provider_takes(customer):
    perform(charging(customer), 1)
    ((key, round_key, _),) = Charging.keys
    assert len(key) == len(round_key) == 32
    assert int(key, 16)
    assert int(round_key, 16)
    assert key != round_key


def test_idempotency_key_is_the_same_for_a_journey_and_step_for_ever(clock, customer):
    journey = charging(customer, "fail", "again", "back", "fail")
    perform(journey, 5)
    assert len(Charging.keys) == 5
    assert len({key for key, _, _ in Charging.keys}) == 1


def test_it_outlives_a_loss_and_interventions(clock, customer):
    journey = charging(customer, "fail")
    perform(journey, 1)
    claimed_by(journey, "a worker that dies")
    clock.move(timedelta(seconds=61))
    recover()
    found(journey).pause()
    found(journey).resume()
    found(journey).reattempt()
    found(journey).jump_to("charge")
    perform(journey, 1)
    assert len({key for key, _, _ in Charging.keys}) == 1


def test_it_differs_from_step_to_step_and_from_journey_to_journey(customer):
    perform(charging(customer), 2)
    perform(charging(customer, key="another"), 2)
    assert len({key for key, _, _ in Charging.keys}) == 4


def test_it_differs_between_tables(customer):
    journey = charging(customer)
    payment = start(PaymentJourney, create(Payment))
    assert journey._identity != payment._identity


def test_outside_of_a_step_it_is_that_of_the_next_one(customer):
    journey = charging(customer)
    before = journey.idempotency_key
    perform(journey, 1)
    assert Charging.keys[0][0] == before
    perform(journey, 1)
    assert Charging.keys[1][0] != before


def test_a_round_ends_with_a_reattempt_that_the_code_asked_for_or_with_a_jump(clock, customer):
    journey = charging(customer, "again", "back")
    perform(journey, 3)
    assert [round for _, _, round in Charging.keys] == [0, 1, 2]
    assert len({round_key for _, round_key, _ in Charging.keys}) == 3


def test_never_with_a_failure_or_a_loss(clock, customer):
    journey = charging(customer, "fail", "fail")
    perform(journey, 2)
    claimed_by(journey, "a worker that dies")
    clock.move(timedelta(seconds=61))
    recover()
    perform(journey, 1)
    assert [round for _, _, round in Charging.keys] == [0, 0, 0]
    assert len({round_key for _, round_key, _ in Charging.keys}) == 1


@pytest.mark.parametrize(("verb", "round"), [("reattempt", 0), ("resume", 0), ("jump_to", 1)])
def test_from_outside_only_a_jump_ends_a_round(verb, round, customer):
    journey = charging(customer)
    journey.pause()
    getattr(journey, verb)()
    assert journey.round == round


def test_the_round_is_never_reset(customer):
    journey = charging(customer, "again")
    perform(journey, 3)
    assert (journey.state, journey.round) == ("finished", 1)


def test_a_renamed_step_keeps_its_keys(customer):
    class Renamed(Journey[Customer]):
        keys = []

        @step(name="pay")
        def pay(self):
            self.keys.append((self.idempotency_key, self.round_key))
            self.reattempt(0)

    journey = start(Renamed, customer)
    journey.perform_next_step()
    before, keys = Renamed.keys[0][0], Renamed.keys

    class Renamed(Journey[Customer]):
        @step(name="settle the bill", formerly=("pay", "charge"))
        def pay(self):
            keys.append((self.idempotency_key, self.round_key))

    found(journey).perform_next_step()
    assert keys[1][0] == before


def test_the_fence_is_no_key(customer):
    journey = charging(customer)
    assert journey.fence not in (journey.idempotency_key, journey.round_key)
    assert not hasattr(journey, "idempotency_key_column")
