"""The same inside the transaction of a test, which nothing may ruin. SEMANTICS 4."""

from __future__ import annotations

import pytest

from stepper_motor import Completed, step
from tests.home import (
    Customer,
    DatabaseError,
    IntegrityError,
    Journey,
    Spy,
    create,
    depth,
    doomed_block,
    execute,
    opens_two_blocks,
    ruined,
    start,
    tell,
    words,
)
from tests.semantics.seen import told

pytestmark = pytest.mark.database


def leaving(body, **options):
    class Leaving(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Leaving


@pytest.fixture(autouse=True)
def _a_good_connection_at_the_end():
    yield
    assert not ruined()
    create(Spy, word="usable")


def test_a_failing_statement_does_not_ruin_the_test(customer):
    def body(self):
        tell(self, "one", id=7)
        tell(self, "two", id=7)

    journey = start(leaving(body, on_exception="skip"), customer)
    with pytest.raises(IntegrityError):
        journey.perform_next_step()
    assert (journey.next_step_name, told(journey)) == ("more", [("work", "failed")])


def test_nor_does_one_that_the_body_swallowed(customer):
    def body(self):
        try:
            execute("SELECT nonsense FROM nowhere", inside=self)
        except DatabaseError:
            pass

    journey = start(leaving(body), customer)
    assert journey.perform_next_step() == Completed()
    assert told(journey) == [("work", "completed")]


def test_nor_a_block_that_is_to_be_rolled_back(customer):
    def body(self):
        with doomed_block(self):
            tell(self, "lost")
            raise OSError("gave up")

    journey = start(leaving(body), customer)
    with pytest.raises(OSError, match="gave up"):
        journey.perform_next_step()
    assert (told(journey), words()) == ([("work", "failed")], [])


def test_a_block_left_open_is_closed(customer):
    journey = start(leaving(opens_two_blocks), customer)
    before = depth()
    assert journey.perform_next_step() == Completed()
    assert depth() == before
    assert len(words()) == 2


def test_an_atomic_step_rolls_back_its_own_writes_alone(customer):
    create(Spy, word="before")
    journey = start(leaving(lambda self: tell(self, "inside") or 1 / 0, atomic=True), customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert words() == ["before"]
    assert told(journey) == [("work", "failed")]
