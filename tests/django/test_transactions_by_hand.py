"""Transactions that Django does not manage, levels that a project asks for, callbacks after the commit. SEMANTICS 10."""

import pytest
from django.db import connection, transaction

from stepper_motor import Completed, Finished, State, StepperMotorError, step
from stepper_motor.django import Journey
from tests.semantics.seen import told
from tests.shop.journeys import Drip
from tests.shop.models import Customer, Spy

pytestmark = pytest.mark.django_db(transaction=True)


class TwoSteps(Journey[Customer]):
    @step
    def one(self): ...

    @step(wait=60)
    def two(self): ...


def atomic(body):
    class Atomic(Journey[Customer]):
        work = step(body, name="work", atomic=True)
        more = step(lambda self: None, name="more")

    return Atomic


def test_with_autocommit_switched_off_it_is_an_error(customer):
    journey = TwoSteps.start(customer)
    transaction.set_autocommit(False)
    try:
        with pytest.raises(StepperMotorError, match="outside of a transaction"):
            journey.perform_next_step()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert journey.perform_next_step() == Completed()


def test_a_journey_starts_and_is_paused_in_a_transaction_by_hand():
    transaction.set_autocommit(False)
    try:
        journey = Drip.start(Customer.objects.create(name="Ada"))
        journey.pause("by hand")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert Drip.objects.get().state == State.PAUSED


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("level", [3, 4])
def test_where_the_project_asks_for_a_stricter_level_atomic_steps_run_at_read_committed(level, customer):
    def body(self):
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            self.data["level"] = cursor.fetchone()[0]

    journey = atomic(body).start(customer)
    connection.close()
    connection.settings_dict["OPTIONS"]["isolation_level"] = level
    try:
        assert journey.perform_next_step() == Completed()
        assert connection.connection.isolation_level == level
    finally:
        del connection.settings_dict["OPTIONS"]["isolation_level"]
        connection.close()
    assert journey.data == {"level": "read committed"}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("error", [OSError, SystemExit])
def test_a_callback_after_the_commit_that_raises_leaves_the_step_done(error, last, customer, caplog):
    def fail():
        raise error("the mail server is down")

    def body(self):
        Spy.objects.create(word="charged")
        transaction.on_commit(fail)
        return Finished() if last else None

    journey = atomic(body).start(customer)
    assert journey.perform_next_step() == (Finished() if last else Completed())
    assert ([spy.word for spy in Spy.objects.all()], told(journey)) == (
        ["charged"],
        [("work", "finished" if last else "completed")],
    )
    assert journey.steps_completed == 1
    assert f"a callback after the commit raised {error.__name__}" in caplog.text
