"""A connection that a body left unusable: rolled back or closed, and settled on a clean one. SEMANTICS 4."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from stepper_motor import Completed, State, step
from stepper_motor.django import Journey
from tests.django.elsewhere import elsewhere, tell, words
from tests.django.seen import found, last_entry, row_of, told
from tests.shop.models import Customer, Spy

pytestmark = pytest.mark.django_db(transaction=True)


def leaving(body, **options):
    class Leaving(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Leaving


def enters_a_block(self):
    self.block = transaction.atomic()
    self.block.__enter__()
    tell("in a block")


@pytest.fixture(autouse=True)
def _a_good_connection_at_the_end():
    yield
    assert connection.get_autocommit()
    assert not connection.in_atomic_block
    tell("usable")
    assert "usable" in elsewhere(words)


def ruins_a_transaction(self):
    transaction.set_autocommit(False)
    tell("lost with the rest")
    with connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")


def test_a_connection_left_unusable_is_rolled_back_and_settled_on_a_clean_one(customer):
    journey = leaving(ruins_a_transaction).start(customer)
    with pytest.raises(DatabaseError, match=r"nonsense|nowhere"):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert (row_of(journey).state, told(journey)) == (State.PAUSED, [("work", "failed")])


def test_a_block_that_was_broken_and_left_open(customer):
    def body(self):
        enters_a_block(self)
        transaction.set_rollback(True)
        raise OSError("gave up")

    journey = leaving(body).start(customer)
    with pytest.raises(OSError, match="gave up"):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert told(journey) == [("work", "failed")]


def test_a_body_that_closes_the_connection(customer):
    def body(self):
        tell("before")
        connection.close()

    journey = leaving(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert elsewhere(words) == ["before"]


def test_a_body_that_closes_it_under_a_transaction(customer):
    def body(self):
        transaction.set_autocommit(False)
        tell("before")
        connection.connection.close()

    journey = leaving(body, on_exception="skip").start(customer)
    with pytest.raises(Exception, match=r"(?i)clos"):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "failed")])


@pytest.mark.only_on("postgresql", "mariadb")
@pytest.mark.parametrize("swallows", [True, False])
def test_a_connection_that_the_server_ends_under_a_body(swallows, customer):
    def body(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()" if connection.vendor == "mysql" else "SELECT pg_backend_pid()")
            (number,) = cursor.fetchone()
        elsewhere(lambda: end(number))
        try:
            tell("on a dead connection")
        except DatabaseError:
            if not swallows:
                raise

    journey = leaving(body, on_exception="skip").start(customer)
    if swallows:
        assert journey.perform_next_step() == Completed()
    else:
        with pytest.raises(DatabaseError):
            journey.perform_next_step()
    assert (row_of(journey).next_step_name, len(told(journey))) == ("more", 1)


def end(number):
    with connection.cursor() as cursor:
        cursor.execute(f"KILL {number}" if connection.vendor == "mysql" else f"SELECT pg_terminate_backend({number})")


def test_an_open_cursor_is_no_obstacle(customer):
    def body(self):
        for word in ("one", "two", "three"):
            tell(word)
        self.iterator = Spy.objects.order_by("id").iterator(chunk_size=1)
        self.data["first"] = next(self.iterator).word

    journey = leaving(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert found(journey).data == {"first": "one"}
    assert last_entry(journey).outcome == "completed"
