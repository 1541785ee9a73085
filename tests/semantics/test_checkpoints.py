"""`self.save()` and `self.refresh_from_db()` in a body. SEMANTICS 1."""

from __future__ import annotations

from decimal import Decimal

import pytest

from stepper_motor import Completed, InvalidState, State
from tests.home import LONG_AGO, Payment, create, found, put, put_behind, reload, save, start
from tests.semantics.seen import recover, told
from tests.semantics.writing import paying, writing

pytestmark = pytest.mark.database


@pytest.fixture
def payment():
    return create(Payment, amount=Decimal("12.50"))


def test_save_in_a_body_is_a_checkpoint_that_stays_when_it_raises(customer):
    def body(self):
        self.data["sent"] = 1
        save(self)
        self.data["sent"] = 2
        raise OSError

    journey = start(writing(body), customer)
    with pytest.raises(OSError, match=r"^$"):
        journey.perform_next_step()
    assert found(journey).data == {"sent": 1}


@pytest.mark.only_in("django")
def test_a_checkpoint_of_some_fields_leaves_the_others_to_the_settlement(payment):
    def body(self):
        self.amount = 5
        self.notes.append("charged")
        save(self, "notes")
        assert (found(self).amount, found(self).notes) == (0, ["charged"])

    journey = start(paying(body), payment)
    journey.perform_next_step()
    assert (found(journey).amount, found(journey).notes) == (5, ["charged"])


def test_a_refresh_in_a_body_takes_over_what_others_saved(payment):
    def body(self):
        put_behind(self, amount=9, notes=["by another"])
        reload(self)
        self.notes.append("and by me")
        put_behind(self, amount=10)

    journey = start(paying(body), payment)
    journey.perform_next_step()
    assert (found(journey).amount, found(journey).notes) == (10, ["by another", "and by me"])


def test_a_checkpoint_of_a_performer_that_lost_the_journey_is_refused(clock, customer):
    def body(self):
        put(found(self), lease_expires_at=LONG_AGO)
        recover()
        reload(self)  # whatever it has seen of its successor
        self.data["late"] = True
        save(self)

    journey = start(writing(body), customer)
    with pytest.raises(InvalidState, match="does not hold the journey any more"):
        journey.perform_next_step()
    assert (found(journey).data, told(journey)) == ({}, [("work", "lost")])


def test_a_checkpoint_never_writes_the_engines_columns(customer):
    def body(self):
        found(self).cancel("meanwhile")
        self.data["sent"] = 1
        save(self)
        assert found(self).state == State.CANCELED

    journey = start(writing(body), customer)
    assert journey.perform_next_step() == Completed()
    assert (journey.state, journey.data) == (State.CANCELED, {"sent": 1})
