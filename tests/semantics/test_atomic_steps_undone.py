"""Atomic steps that the database refuses, rolls back or loses: run again, or undone whole. SEMANTICS 10, DESIGN 8.4."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, connections, transaction

from stepper_motor import Completed, Finished, State, step
from stepper_motor.django import Journey
from stepper_motor.django.database import DjangoDatabase
from tests.conditions import wait_until
from tests.django.elsewhere import elsewhere, tell, words
from tests.django.seen import entries_of, found, last_entry, put, recover, told
from tests.shop.models import Customer, Payment, Spy

pytestmark = pytest.mark.django_db(transaction=True)


def atomic(body, **options):
    class Atomic(Journey[Customer]):
        tries = 0
        work = step(body, name="work", atomic=True, **options)
        more = step(lambda self: None, name="more")

    return Atomic


def test_sql_that_fails_in_the_body_is_the_step_raising(customer):
    def body(self):
        tell("charged")
        Spy.objects.create(id=7, word="one")
        Spy.objects.create(id=7, word="two")

    journey = atomic(body).start(customer)
    with pytest.raises(IntegrityError):
        journey.perform_next_step()
    assert words() == []
    assert (journey.state, last_entry(journey).error_class) == (State.PAUSED, "django.db.utils.IntegrityError")


def test_sql_whose_failure_the_body_swallowed_commits_nothing_of_it(customer):
    def body(self):
        tell("charged")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT nonsense FROM nowhere")
        except DatabaseError:
            pass

    journey = atomic(body, on_exception="skip").start(customer)
    if connection.vendor == "postgresql":  # where one failed statement ruins the whole transaction
        with pytest.raises(DatabaseError):
            journey.perform_next_step()
        assert (words(), told(journey)) == ([], [("work", "failed")])
    else:
        assert journey.perform_next_step() == Completed()
        assert words() == ["charged"]
    assert journey.next_step_name == "more"


@pytest.mark.only_on("postgresql")
def test_a_commit_that_fails_is_the_step_raising(customer):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE deferred_names (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    def body(self):
        tell("charged")
        self.data["charged"] = True
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO deferred_names VALUES ('Ada'), ('Ada')")

    journey = atomic(body).start(customer)
    try:
        with pytest.raises(IntegrityError, match="deferred_names"):
            journey.perform_next_step()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE deferred_names")
    assert (words(), journey.data) == ([], {})
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_deadlock_is_run_again_and_is_no_failure(customer):
    first, second = Payment.objects.create(amount=1), Payment.objects.create(amount=2)
    tries, other_has_second = [], threading.Event()

    def lock(payment):
        Payment.objects.filter(pk=payment.pk).update(amount=payment.amount + 1)

    def other():
        try:
            with transaction.atomic():
                # Much written: the database rolls back the one that wrote less.
                Spy.objects.bulk_create(Spy(word="other") for _ in range(500))
                lock(second)
                other_has_second.set()
                wait_until(lambda: tries)
                lock(first)
        except OperationalError:
            other_has_second.set()
        finally:
            connections.close_all()

    def body(self):
        tell("charged")
        lock(first)
        other_has_second.wait(20)
        tries.append(self)
        lock(second)

    journey = atomic(body).start(customer)
    thread = threading.Thread(target=other)
    thread.start()
    outcome = journey.perform_next_step()
    thread.join(timeout=20)
    assert outcome == Completed()
    assert words().count("charged") == 1
    assert told(journey) == [("work", "completed")]
    assert (journey.steps_entered, last_entry(journey).attempt) == (1, 1)


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_serialization_failure_is_run_again(level, customer):
    payment = Payment.objects.create(amount=1)
    tries = []

    def body(self):
        tries.append(self.pk)
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        seen = Payment.objects.get(pk=payment.pk).amount
        if len(tries) == 1:
            elsewhere(lambda: Payment.objects.filter(pk=payment.pk).update(amount=10))
        Payment.objects.filter(pk=payment.pk).update(amount=seen + 1)

    journey = atomic(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert (len(tries), Payment.objects.get().amount) == (2, 11)
    assert told(journey) == [("work", "completed")]


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


def test_a_transient_error_that_stays_is_a_failure_at_last(customer):
    tries = []

    def body(self):
        tries.append(self)
        tell("charged")
        raise locked()

    journey = atomic(body, on_exception="skip").start(customer)
    with pytest.raises(OperationalError):
        journey.perform_next_step()
    assert len(tries) == 5
    assert len({id(each) for each in tries}) == 5
    assert (words(), journey.next_step_name, told(journey)) == ([], "more", [("work", "failed")])


def locked():
    """What this database says when it has rolled a transaction back, and another attempt is worth it."""
    error = OperationalError(1213, "Deadlock found: database is locked")
    if connection.vendor == "postgresql":
        from psycopg.errors import DeadlockDetected

        error.__cause__ = DeadlockDetected("deadlock detected")
    assert DjangoDatabase(Journey, "default").is_transient(error)
    return error


def test_outside_of_a_step_the_same_error_is_a_failure_of_the_step(customer):
    def body(self):
        raise locked()

    class Plain(Journey[Customer]):
        work = step(body, name="work")

    journey = Plain.start(customer)
    with pytest.raises(OperationalError):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("error", [OSError, SystemExit])
def test_a_callback_after_the_commit_that_raises_leaves_the_step_done(error, last, customer, caplog):
    def fail():
        raise error("the mail server is down")

    def body(self):
        tell("charged")
        transaction.on_commit(fail)
        return Finished() if last else None

    journey = atomic(body).start(customer)
    assert journey.perform_next_step() == (Finished() if last else Completed())
    assert (words(), told(journey)) == (["charged"], [("work", "finished" if last else "completed")])
    assert journey.steps_completed == 1
    assert f"a callback after the commit raised {error.__name__}" in caplog.text


# ------------------------------------------------------------------------------------------ leases and connections


@pytest.mark.only_on("postgresql", "mariadb")
def test_one_that_outlives_its_lease_rolls_back_whole(customer):
    def body(self):
        tell("charged")
        elsewhere(lambda: put(found(self), lease_expires_at="2020-01-01T00:00Z"))
        assert elsewhere(recover) == 1

    journey = atomic(body).start(customer)
    assert journey.perform_next_step() is None
    assert words() == []
    assert (journey.state, journey.next_step_name, journey.losses) == (State.READY, "work", 1)
    assert told(journey) == [("work", "lost")]


@pytest.mark.only_on("postgresql", "mariadb")
def test_one_that_was_rolled_back_is_not_run_again_once_another_has_recovered_it(customer):
    tries = []

    def body(self):
        tries.append(self)
        tell("charged")
        elsewhere(lambda: put(found(self), lease_expires_at="2020-01-01T00:00Z"))
        elsewhere(recover)
        raise locked()

    journey = atomic(body).start(customer)
    assert journey.perform_next_step() is None
    assert (len(tries), words(), told(journey)) == (1, [], [("work", "lost")])
    assert (journey.state, journey.steps_entered) == (State.READY, 0)


def test_an_atomic_step_may_delete_its_own_row(customer):
    def body(self):
        tell("erased")
        found(self).delete()

    journey = atomic(body).start(customer)
    assert journey.perform_next_step() is None
    assert (words(), Journey.objects.count(), entries_of(journey)) == (["erased"], 0, [])


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_connection_closed_by_the_body_commits_nothing(customer):
    def body(self):
        tell("charged")
        connection.close()

    journey = atomic(body, on_exception="skip").start(customer)
    with pytest.raises(DatabaseError):
        journey.perform_next_step()
    assert (words(), journey.next_step_name, told(journey)) == ([], "more", [("work", "failed")])


def test_a_block_that_the_body_left_open_is_closed(customer):
    def body(self):
        self.kept = transaction.atomic()
        self.kept.__enter__()
        tell("in a block left open")

    journey = atomic(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert not connection.in_atomic_block
    assert elsewhere(words) == ["in a block left open"]
    assert len(entries_of(journey)) == 1
