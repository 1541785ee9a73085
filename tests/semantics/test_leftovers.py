"""What a body leaves open or ruined on its connection, and how the library ends it. SEMANTICS 4 and 10."""

from __future__ import annotations

import pytest

from stepper_motor import Completed, Paused, Skipped, State, step
from tests.home import (
    LEFT_OPEN,
    Customer,
    IntegrityError,
    Journey,
    Spy,
    close_connection,
    create,
    execute,
    in_a_transaction,
    in_thread,
    in_transaction,
    opens_a_transaction,
    start,
    words,
)
from tests.semantics.elsewhere import elsewhere
from tests.semantics.seen import row_of, told

pytestmark = pytest.mark.database(transaction=True)


def leaving(body, **options):
    class Leaving(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Leaving


@pytest.fixture(autouse=True)
def _a_good_connection_at_the_end():
    yield
    assert not in_a_transaction()
    create(Spy, word="usable")
    assert "usable" in elsewhere(words)


@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_a_transaction_left_open_is_committed_on_a_normal_end(leave, customer):
    journey = start(leaving(leave), customer)
    assert journey.perform_next_step() == Completed()
    assert elsewhere(words)
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "completed")])


@pytest.mark.allow_rolled_back_blocks
@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_and_on_a_verb(leave, customer):
    journey = start(leaving(lambda self: leave(self) or self.skip()), customer)
    assert journey.perform_next_step() == Skipped()
    assert elsewhere(words)


@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_and_rolled_back_on_an_exception(leave, customer):
    journey = start(leaving(lambda self: leave(self) or 1 / 0), customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert (row_of(journey).state, told(journey)) == (State.PAUSED, [("work", "failed")])


@pytest.mark.only_in("django", "sqlalchemy-async")
def test_from_sync_code_within_an_async_body_too(customer):
    async def body(self):
        await in_thread(lambda: opens_a_transaction(self), inside=self)

    assert start(leaving(body), customer).perform_next_step() == Completed()
    assert elsewhere(words) == ["left open"]


def test_a_condition_that_leaves_one_open(customer):
    journey = start(leaving(lambda self: None, skip_if=lambda self: opens_a_transaction(self) or True), customer)
    assert journey.perform_next_step() == Skipped()
    assert elsewhere(words) == ["left open"]


def test_a_hook_that_leaves_one_open(customer):
    class Hooked(Journey[Customer]):
        @step
        def work(self):
            return Paused("look")

        def after_pause(self):
            opens_a_transaction(self)

    journey = start(Hooked, customer)
    journey.perform_next_step()
    assert elsewhere(words) == ["left open"]


@pytest.mark.only_in("django")
@pytest.mark.only_on("mariadb")
@pytest.mark.parametrize("atomic", [False, True])
def test_the_library_leaves_the_session_as_it_was(atomic, customer):
    execute("SET SESSION innodb_lock_wait_timeout = 37")
    start(leaving(lambda self: None, atomic=atomic), customer).perform_next_step()
    assert execute("SELECT @@SESSION.innodb_lock_wait_timeout") == [(37,)]
    close_connection()


@pytest.mark.only_on("mariadb")
def test_so_does_a_verb_in_the_callers_transaction(customer):
    journey = start(leaving(lambda self: None), customer)
    with in_transaction():
        execute("SET SESSION innodb_lock_wait_timeout = 37")
        journey.pause()
        assert execute("SELECT @@SESSION.innodb_lock_wait_timeout") == [(37,)]
        execute("SET SESSION innodb_lock_wait_timeout = DEFAULT")


@pytest.mark.only_on("postgresql")
def test_a_commit_that_fails_is_the_step_raising(customer):
    execute("CREATE TABLE deferred_words (word text UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    def body(self):
        opens_a_transaction(self)
        execute("INSERT INTO deferred_words VALUES ('twice'), ('twice')", inside=self)

    journey = start(leaving(body, on_exception="skip"), customer)
    try:
        with pytest.raises(IntegrityError, match="deferred_words"):
            journey.perform_next_step()
    finally:
        execute("DROP TABLE deferred_words")
    assert elsewhere(words) == []
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "failed")])
