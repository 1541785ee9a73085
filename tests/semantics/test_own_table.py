"""A journey with a table of its own: columns, a real foreign key, a UUID key; served by the same motor. DESIGN 5."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from stepper_motor import AlreadyOnJourney, State, step
from stepper_motor.motor.housekeeping import Housekeeper
from tests.home import (
    CheckViolation,
    Journey,
    Payment,
    PaymentJourney,
    columns_of,
    count,
    create,
    execute,
    found,
    in_transaction,
    motor,
    only,
    put_behind,
    start,
    table_of,
    these,
    vendor,
)
from tests.semantics.seen import entries_of, only_entry

pytestmark = pytest.mark.database


class Refund(PaymentJourney):
    """It shares the table of payments' journeys, as a type of its own."""

    @step(after_step="initiate")
    def reverse(self):
        self.amount = -self.amount


@pytest.fixture
def payment():
    return create(Payment, amount=Decimal("12.50"))


def test_its_steps_set_its_own_columns(clock, payment):
    journey = start(PaymentJourney, payment)
    journey.perform_next_step()
    clock.move(timedelta(seconds=30))
    journey.perform_next_step()
    found = only(PaymentJourney)
    assert (found.state, found.amount, found.notes) == (State.FINISHED, Decimal("12.50"), ["initiated", "confirmed"])
    assert [entry.step_name for entry in entries_of(found)] == ["initiate", "confirm"]


def test_its_key_may_be_a_uuid(payment):
    journey = start(PaymentJourney, payment)
    assert isinstance(journey.id, uuid.UUID)
    journey.pause()
    assert only_entry(found(journey)).journey_id == journey.id
    other = start(PaymentJourney)
    assert these(PaymentJourney).cancel() == (2, 0, 0)
    assert other.idempotency_key != journey.idempotency_key


def test_its_journeys_are_not_among_those_of_the_shared_table(payment):
    start(PaymentJourney, payment)
    assert not count(Journey)
    assert table_of(PaymentJourney) != table_of(Journey)
    assert table_of(PaymentJourney.History) != table_of(Journey.History)


def test_the_same_motor_serves_it(clock, payment):
    start(PaymentJourney, payment)
    lost = start(PaymentJourney)
    put_behind(lost, state="performing", performed_by="worker 1", lease_expires_at=clock.now())
    assert Housekeeper(motor()).keep().recovered == 1
    these(PaymentJourney).finish()
    clock.move(timedelta(days=30))
    assert Housekeeper(motor()).keep().deleted == 2
    assert not count(PaymentJourney.History)


def test_a_class_derived_from_it_is_a_type_of_its_own(clock, payment):
    first, refund = start(PaymentJourney, payment), start(Refund, payment)
    with pytest.raises(AlreadyOnJourney):
        start(Refund, payment)
    assert (table_of(Refund), refund.type) == (table_of(PaymentJourney), Refund.definition.type_name)
    assert set(these(PaymentJourney)) == {first, refund}
    assert [type(journey) for journey in these(Refund)] == [Refund]
    for _ in range(2):
        refund.perform_next_step()
    assert only(Refund).amount == Decimal("-12.50")


@pytest.mark.parametrize("root", [Journey, PaymentJourney])
@pytest.mark.parametrize(
    "violation",
    [
        "next_step_to_be_performed_at = NULL",
        "fence = NULL",
        "performed_by = 'worker 1'",
        "lease_expires_at = '2030-01-10 12:00:00'",
    ],
)
def test_the_database_refuses_rows_that_no_transition_makes(root, violation, payment):
    """A ready row has a due time, every row a fence, and who holds a row has a lease: raw SQL meets that too."""
    start(PaymentJourney, payment) if root is PaymentJourney else start(ByHand)
    with pytest.raises(CheckViolation), in_transaction():
        execute(f"UPDATE {table_of(root)} SET {violation}")


@pytest.mark.parametrize("state", ["paused", "finished", "canceled"])
def test_only_a_ready_row_needs_a_due_time(state):
    start(ByHand)
    execute("UPDATE stepper_motor_journeys SET next_step_to_be_performed_at = NULL, state = %s", [state])
    assert only(ByHand).state == state


def test_an_insert_by_hand_meets_the_rule_as_well():
    columns = columns_of(start(ByHand)).keys() - {"id", "next_step_to_be_performed_at"}
    quote = "`" if vendor() == "mariadb" else '"'
    listed = ", ".join(f"{quote}{column}{quote}" for column in columns)
    with pytest.raises(CheckViolation), in_transaction():
        execute(f"INSERT INTO stepper_motor_journeys ({listed}) SELECT {listed} FROM stepper_motor_journeys")


class ByHand(Journey[Payment]):
    @step
    def go(self): ...
