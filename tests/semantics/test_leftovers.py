"""What a body leaves open or ruined on its connection, and how the library ends it. SEMANTICS 4 and 10."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, connection, transaction

from stepper_motor import Completed, Paused, Skipped, State, step
from stepper_motor.django import Journey
from tests.django.elsewhere import elsewhere, tell, words
from tests.django.seen import row_of, told
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db(transaction=True)


def leaving(body, **options):
    class Leaving(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Leaving


def switches_autocommit_off(self):
    transaction.set_autocommit(False)
    tell("without autocommit")


def begins_by_sql(self):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO shop_spy (journey_id, word, at) VALUES ('', 'after a BEGIN', '2030-01-01')")


def enters_a_block(self):
    self.block = transaction.atomic()
    self.block.__enter__()
    tell("in a block")


def enters_two_blocks(self):
    enters_a_block(self)
    self.inner = transaction.atomic()
    self.inner.__enter__()
    tell("in an inner block")


LEFT_OPEN = [switches_autocommit_off, begins_by_sql, enters_a_block, enters_two_blocks]


@pytest.fixture(autouse=True)
def _a_good_connection_at_the_end():
    yield
    assert connection.get_autocommit()
    assert not connection.in_atomic_block
    tell("usable")
    assert "usable" in elsewhere(words)


@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_a_transaction_left_open_is_committed_on_a_normal_end(leave, customer):
    journey = leaving(leave).start(customer)
    assert journey.perform_next_step() == Completed()
    assert elsewhere(words)
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "completed")])


@pytest.mark.allow_rolled_back_blocks
@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_and_on_a_verb(leave, customer):
    journey = leaving(lambda self: leave(self) or self.skip()).start(customer)
    assert journey.perform_next_step() == Skipped()
    assert elsewhere(words)


@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_and_rolled_back_on_an_exception(leave, customer):
    journey = leaving(lambda self: leave(self) or 1 / 0).start(customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert (row_of(journey).state, told(journey)) == (State.PAUSED, [("work", "failed")])


def test_from_sync_code_within_an_async_body_too(customer):
    async def body(self):
        await sync_to_async(switches_autocommit_off)(self)

    assert leaving(body).start(customer).perform_next_step() == Completed()
    assert elsewhere(words) == ["without autocommit"]


def test_a_condition_that_leaves_one_open(customer):
    journey = leaving(lambda self: None, skip_if=lambda self: switches_autocommit_off(self) or True).start(customer)
    assert journey.perform_next_step() == Skipped()
    assert elsewhere(words) == ["without autocommit"]


def test_a_hook_that_leaves_one_open(customer):
    class Hooked(Journey[Customer]):
        @step
        def work(self):
            return Paused("look")

        def after_pause(self):
            switches_autocommit_off(self)

    journey = Hooked.start(customer)
    journey.perform_next_step()
    assert elsewhere(words) == ["without autocommit"]


@pytest.mark.only_on("mariadb")
@pytest.mark.parametrize("atomic", [False, True])
def test_the_library_leaves_the_session_as_it_was(atomic, customer):
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 37")
        leaving(lambda self: None, atomic=atomic).start(customer).perform_next_step()
        cursor.execute("SELECT @@SESSION.innodb_lock_wait_timeout")
        assert cursor.fetchone() == (37,)
    connection.close()


@pytest.mark.only_on("postgresql")
def test_a_commit_that_fails_is_the_step_raising(customer):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE deferred_words (word text UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    def body(self):
        transaction.set_autocommit(False)
        tell("together with it")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO deferred_words VALUES ('twice'), ('twice')")

    journey = leaving(body, on_exception="skip").start(customer)
    try:
        with pytest.raises(IntegrityError, match="deferred_words"):
            journey.perform_next_step()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE deferred_words")
    assert elsewhere(words) == []
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "failed")])
