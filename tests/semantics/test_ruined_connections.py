"""A connection that a body left unusable: rolled back or closed, and settled on a clean one. SEMANTICS 4."""

from __future__ import annotations

import pytest

from stepper_motor import Completed, State, step
from tests.home import (
    CUT,
    Customer,
    DatabaseError,
    Journey,
    Spy,
    close_connection,
    connection_number,
    create,
    cut_connection,
    execute,
    found,
    in_a_transaction,
    leave_cursor_open,
    opens_a_block,
    opens_a_transaction,
    spoil_block,
    start,
    tell,
    vendor,
    words,
)
from tests.home.connection_number import KILL
from tests.semantics.elsewhere import elsewhere
from tests.semantics.seen import last_entry, row_of, told

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


def ruins_a_transaction(self):
    opens_a_transaction(self)
    execute("SELECT nonsense FROM nowhere", inside=self)


def test_a_connection_left_unusable_is_rolled_back_and_settled_on_a_clean_one(customer):
    journey = start(leaving(ruins_a_transaction), customer)
    with pytest.raises(DatabaseError, match=r"nonsense|nowhere"):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert (row_of(journey).state, told(journey)) == (State.PAUSED, [("work", "failed")])


def test_a_block_that_was_broken_and_left_open(customer):
    def body(self):
        opens_a_block(self)
        spoil_block(self)
        raise OSError("gave up")

    journey = start(leaving(body), customer)
    with pytest.raises(OSError, match="gave up"):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert told(journey) == [("work", "failed")]


def test_a_body_that_closes_the_connection(customer):
    def body(self):
        tell(self, "before")
        close_connection(self)

    journey = start(leaving(body), customer)
    assert journey.perform_next_step() == Completed()
    assert elsewhere(words) == ["before"]


def test_a_body_that_closes_it_under_a_transaction(customer):
    def body(self):
        opens_a_transaction(self)
        cut_connection(self)

    journey = start(leaving(body, on_exception="skip"), customer)
    with pytest.raises(Exception, match=CUT):
        journey.perform_next_step()
    assert elsewhere(words) == []
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "failed")])


@pytest.mark.only_on("postgresql", "mariadb")
@pytest.mark.parametrize("swallows", [True, False])
def test_a_connection_that_the_server_ends_under_a_body(swallows, customer):
    def body(self):
        kill = KILL[vendor()].format(connection_number(self))
        elsewhere(lambda: execute(kill))
        try:
            tell(self, "on a dead connection")
        except DatabaseError:
            if not swallows:
                raise

    journey = start(leaving(body, on_exception="skip"), customer)
    if swallows:
        assert journey.perform_next_step() == Completed()
    else:
        with pytest.raises(DatabaseError):
            journey.perform_next_step()
    assert (row_of(journey).next_step_name, len(told(journey))) == ("more", 1)


def test_an_open_cursor_is_no_obstacle(customer):
    def body(self):
        for word in ("one", "two", "three"):
            tell(self, word)
        self.iterator = leave_cursor_open(self)
        self.data["first"] = next(self.iterator).word

    journey = start(leaving(body), customer)
    assert journey.perform_next_step() == Completed()
    assert found(journey).data == {"first": "one"}
    assert last_entry(journey).outcome == "completed"
