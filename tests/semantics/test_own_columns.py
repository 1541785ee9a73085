"""Columns of your own: saved with the transition, dropped with an exception. SEMANTICS 3."""

from __future__ import annotations

from decimal import Decimal

import pytest

from stepper_motor import Completed, State, StepperMotorError
from tests.home import Payment, PaymentJourney, create, found, mine, one_more, put_behind, start
from tests.semantics.seen import told
from tests.semantics.writing import paying, writing

pytestmark = pytest.mark.database


@pytest.fixture
def payment():
    return create(Payment, amount=Decimal("12.50"))


def test_own_columns_are_saved_with_the_transition(payment):
    journey = start(PaymentJourney, payment)
    assert journey.perform_next_step() == Completed()
    assert (found(journey).amount, found(journey).notes) == (Decimal("12.50"), ["initiated"])


def test_own_columns_are_dropped_when_it_raised(payment):
    def body(self):
        self.amount = 5
        self.notes.append("charged")
        raise OSError

    journey = start(paying(body), payment, amount=3)
    with pytest.raises(OSError, match=r"^$"):
        journey.perform_next_step()
    assert (journey.amount, journey.notes) == (3, [])
    assert (found(journey).amount, found(journey).notes) == (3, [])


def test_a_column_left_alone_is_not_written(payment):
    def body(self):
        self.notes.append("charged")
        put_behind(self, amount=99)

    journey = start(paying(body), payment, amount=3)
    journey.perform_next_step()
    assert (found(journey).amount, found(journey).notes) == (99, ["charged"])


def test_an_expression_is_written_as_one(payment):
    def body(self):
        self.amount = one_more(PaymentJourney, "amount")

    journey = start(paying(body), payment, amount=3)
    journey.perform_next_step()
    assert found(journey).amount == 4


def test_the_hero_of_a_foreign_key_may_be_changed(payment):
    other = create(Payment, amount=7)

    def body(self):
        self.hero = mine(other, self)

    journey = start(paying(body), payment)
    journey.perform_next_step()
    assert found(journey).hero == other


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_value_the_column_refuses_is_an_exception_under_the_policy(payment):
    journey = start(paying(lambda self: setattr(self, "amount", Decimal(10) ** 15), on_exception="skip"), payment)
    with pytest.raises(Exception, match=r"(?i)overflow|out of range|quantize|InvalidOperation"):
        journey.perform_next_step()
    assert (journey.next_step_name, journey.amount) == ("confirm", 0)
    assert told(journey) == [("initiate", "failed")]


@pytest.mark.only_in("django")
def test_the_engines_columns_are_not_the_steps_to_set(customer):
    def body(self):
        self.state = State.FINISHED
        self.next_step_name = "more"
        self.attempts = 99

    journey = start(writing(body), customer)
    journey.perform_next_step()
    assert (found(journey).state, found(journey).attempts) == (State.READY, 0)


@pytest.mark.only_in("sqlalchemy", "sqlalchemy-async")
def test_a_step_that_sets_them_raises(customer):
    """A flush would write them: it says so, and the step fails."""

    def body(self):
        self.session.flush()
        self.attempts = 99
        self.session.flush()

    journey = start(writing(body, on_exception="skip"), customer)
    with pytest.raises(StepperMotorError, match="attempts is the engine's column"):
        journey.perform_next_step()
    assert (found(journey).next_step_name, found(journey).attempts) == ("more", 0)
