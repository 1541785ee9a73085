"""The same inside the transaction of a test, which nothing may ruin. SEMANTICS 4."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from stepper_motor import Completed, step
from stepper_motor.django import Journey
from tests.django.elsewhere import tell
from tests.django.seen import told
from tests.shop.models import Customer, Spy

pytestmark = pytest.mark.django_db


def leaving(body, **options):
    class Leaving(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Leaving


def enters_a_block(self):
    self.block = transaction.atomic()
    self.block.__enter__()
    tell("in a block")


def enters_two_blocks(self):
    enters_a_block(self)
    self.inner = transaction.atomic()
    self.inner.__enter__()
    tell("in an inner block")


@pytest.fixture(autouse=True)
def _a_good_connection_at_the_end():
    yield
    assert not connection.needs_rollback
    Spy.objects.create(word="usable")


def test_a_failing_statement_does_not_ruin_the_test(customer):
    def body(self):
        Spy.objects.create(id=7, word="one")
        Spy.objects.create(id=7, word="two")

    journey = leaving(body, on_exception="skip").start(customer)
    with pytest.raises(IntegrityError):
        journey.perform_next_step()
    assert (journey.next_step_name, told(journey)) == ("more", [("work", "failed")])


def test_nor_does_one_that_the_body_swallowed(customer):
    def body(self):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT nonsense FROM nowhere")
        except DatabaseError:
            pass

    journey = leaving(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert told(journey) == [("work", "completed")]


def test_nor_a_block_that_is_to_be_rolled_back(customer):
    def body(self):
        with transaction.atomic(savepoint=False):
            tell("lost")
            raise OSError("gave up")

    journey = leaving(body).start(customer)
    with pytest.raises(OSError, match="gave up"):
        journey.perform_next_step()
    assert (told(journey), Spy.objects.count()) == ([("work", "failed")], 0)


def test_a_block_left_open_is_closed(customer):
    depth = len(connection.atomic_blocks)
    journey = leaving(enters_two_blocks).start(customer)
    assert journey.perform_next_step() == Completed()
    assert len(connection.atomic_blocks) == depth
    assert Spy.objects.count() == 2


def test_an_atomic_step_rolls_back_its_own_writes_alone(customer):
    tell("before")
    journey = leaving(lambda self: tell("inside") or 1 / 0, atomic=True).start(customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert [spy.word for spy in Spy.objects.all()] == ["before"]
    assert told(journey) == [("work", "failed")]
