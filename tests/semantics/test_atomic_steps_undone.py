"""Atomic steps that the database refuses, rolls back or loses: run again, or undone whole. SEMANTICS 10, DESIGN 8.4."""

from __future__ import annotations

import threading

import pytest

from stepper_motor import Completed, State, step
from tests.conditions import wait_until
from tests.home import (
    LONG_AGO,
    ConnectionLost,
    Customer,
    DatabaseError,
    IntegrityError,
    Journey,
    OperationalError,
    Payment,
    Spy,
    block,
    count,
    create,
    create_many,
    delete,
    execute,
    found,
    in_a_transaction,
    in_transaction,
    lose_connection,
    on_its_own,
    only,
    put,
    start,
    table_of,
    tell,
    transient_error,
    vendor,
    words,
)
from tests.semantics.elsewhere import elsewhere
from tests.semantics.seen import entries_of, last_entry, recover, told

pytestmark = pytest.mark.database(transaction=True)


def atomic(body, **options):
    class Atomic(Journey[Customer]):
        tries = 0
        work = step(body, name="work", atomic=True, **options)
        more = step(lambda self: None, name="more")

    return Atomic


def test_sql_that_fails_in_the_body_is_the_step_raising(customer):
    def body(self):
        tell(self, "charged")
        tell(self, "one", id=7)
        tell(self, "two", id=7)

    journey = start(atomic(body), customer)
    with pytest.raises(IntegrityError):
        journey.perform_next_step()
    assert words() == []
    assert (journey.state, last_entry(journey).error_class) == (
        State.PAUSED,
        f"{IntegrityError.__module__}.IntegrityError",
    )


def test_sql_whose_failure_the_body_swallowed_commits_nothing_of_it(customer):
    def body(self):
        tell(self, "charged")
        try:
            execute("SELECT nonsense FROM nowhere", inside=self)
        except DatabaseError:
            pass

    journey = start(atomic(body, on_exception="skip"), customer)
    if vendor() == "postgresql":  # where one failed statement ruins the whole transaction
        with pytest.raises(DatabaseError):
            journey.perform_next_step()
        assert (words(), told(journey)) == ([], [("work", "failed")])
    else:
        assert journey.perform_next_step() == Completed()
        assert words() == ["charged"]
    assert journey.next_step_name == "more"


@pytest.mark.only_on("postgresql")
def test_a_commit_that_fails_is_the_step_raising(customer):
    execute("CREATE TABLE deferred_names (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    def body(self):
        tell(self, "charged")
        self.data["charged"] = True
        execute("INSERT INTO deferred_names VALUES ('Ada'), ('Ada')", inside=self)

    journey = start(atomic(body), customer)
    try:
        with pytest.raises(IntegrityError, match="deferred_names"):
            journey.perform_next_step()
    finally:
        execute("DROP TABLE deferred_names")
    assert (words(), journey.data) == ([], {})
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_deadlock_is_run_again_and_is_no_failure(customer):
    first, second = create(Payment, amount=1), create(Payment, amount=2)
    tries, other_has_second = [], threading.Event()

    def lock(payment, journey=None):
        execute(f"UPDATE {table_of(Payment)} SET amount = amount + 1 WHERE id = %s", [payment.id], inside=journey)

    def other():
        try:
            with in_transaction():
                # Much written: the database rolls back the one that wrote less.
                create_many(Spy, [{"word": "other"}] * 500)
                lock(second)
                other_has_second.set()
                wait_until(lambda: tries)
                lock(first)
        except OperationalError:
            other_has_second.set()

    def body(self):
        tell(self, "charged")
        lock(first, self)
        other_has_second.wait(20)
        tries.append(self)
        lock(second, self)

    journey = start(atomic(body), customer)
    thread = threading.Thread(target=on_its_own, args=[other])
    thread.start()
    outcome = journey.perform_next_step()
    thread.join(timeout=20)
    assert outcome == Completed()
    assert words().count("charged") == 1
    assert told(journey) == [("work", "completed")]
    assert (journey.steps_entered, last_entry(journey).attempt) == (1, 1)


@pytest.mark.only_on("postgresql")
@pytest.mark.only_in("django")  # elsewhere the step is in a savepoint, where no level can be set
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_serialization_failure_is_run_again(level, customer):
    payments = table_of(Payment)
    create(Payment, amount=1)
    tries = []

    def body(self):
        tries.append(self.id)
        execute(f"SET TRANSACTION ISOLATION LEVEL {level}", inside=self)
        ((seen,),) = execute(f"SELECT amount FROM {payments}", inside=self)
        if len(tries) == 1:
            elsewhere(lambda: execute(f"UPDATE {payments} SET amount = 10"))
        execute(f"UPDATE {payments} SET amount = %s", [seen + 1], inside=self)

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() == Completed()
    assert (len(tries), only(Payment).amount) == (2, 11)
    assert told(journey) == [("work", "completed")]


def test_a_transient_error_that_stays_is_a_failure_at_last(customer):
    tries = []

    def body(self):
        tries.append(self)
        tell(self, "charged")
        raise transient_error()

    journey = start(atomic(body, on_exception="skip"), customer)
    with pytest.raises(OperationalError):
        journey.perform_next_step()
    assert len(tries) == 5
    assert len({id(each) for each in tries}) == 5
    assert (words(), journey.next_step_name, told(journey)) == ([], "more", [("work", "failed")])


def test_outside_of_a_step_the_same_error_is_a_failure_of_the_step(customer):
    def body(self):
        raise transient_error()

    class Plain(Journey[Customer]):
        work = step(body, name="work")

    journey = start(Plain, customer)
    with pytest.raises(OperationalError):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


# ------------------------------------------------------------------------------------------ leases and connections


@pytest.mark.only_on("postgresql", "mariadb")
def test_one_that_outlives_its_lease_rolls_back_whole(customer):
    def body(self):
        tell(self, "charged")
        elsewhere(lambda: put(found(self), lease_expires_at=LONG_AGO))
        assert elsewhere(recover) == 1

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() is None
    assert words() == []
    assert (journey.state, journey.next_step_name, journey.losses) == (State.READY, "work", 1)
    assert told(journey) == [("work", "lost")]


@pytest.mark.only_on("postgresql", "mariadb")
def test_one_that_was_rolled_back_is_not_run_again_once_another_has_recovered_it(customer):
    tries = []

    def body(self):
        tries.append(self)
        tell(self, "charged")
        elsewhere(lambda: put(found(self), lease_expires_at=LONG_AGO))
        elsewhere(recover)
        raise transient_error()

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() is None
    assert (len(tries), words(), told(journey)) == (1, [], [("work", "lost")])
    assert (journey.state, journey.steps_entered) == (State.READY, 0)


def test_an_atomic_step_may_delete_its_own_row(customer):
    def body(self):
        tell(self, "erased")
        delete(found(self, inside=self))

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() is None
    assert (words(), count(Journey), entries_of(journey)) == (["erased"], 0, [])


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_connection_closed_by_the_body_commits_nothing(customer):
    def body(self):
        tell(self, "charged")
        lose_connection(self)

    journey = start(atomic(body, on_exception="skip"), customer)
    with pytest.raises(ConnectionLost):
        journey.perform_next_step()
    assert (words(), journey.next_step_name, told(journey)) == ([], "more", [("work", "failed")])


def test_a_block_that_the_body_left_open_is_closed(customer):
    def body(self):
        self.kept = block(self)
        self.kept.__enter__()
        tell(self, "in a block left open")

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() == Completed()
    assert not in_a_transaction()
    assert elsewhere(words) == ["in a block left open"]
    assert len(entries_of(journey)) == 1
