"""One thread renews the leases of all that a process performs for a queue or by hand."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

import pytest

from stepper_motor import Completed, State, step
from stepper_motor.motor import pulse
from stepper_motor.motor.heartbeat import Heartbeat
from stepper_motor.motor.ticket import Ticket
from stepper_motor.motor.waiting import pause_for
from stepper_motor.testing.memory import MemoryJourney, MemoryMotor
from tests.conditions import wait_until
from tests.forks import is_right_in_a_fork

pytestmark = pytest.mark.pure


class Quick(MemoryJourney):
    @step
    def work(self):
        self.data = heartbeats()


class Renewed(MemoryJourney):
    """It ends when its lease was renewed."""

    lease = 1

    @step
    def work(self):
        is_renewed(self)


class Inside(MemoryJourney):
    lease = 1

    @step
    def work(self):
        type(self).does(self)


@pytest.fixture
def motor():
    return MemoryMotor(Quick, Renewed, Inside)


def heartbeats():
    return sorted(thread.native_id for thread in threading.enumerate() if "heartbeat" in thread.name)


def is_renewed(journey):
    first = lease_of(journey)
    wait_until(lambda: lease_of(journey) > first + timedelta(seconds=1), what="its lease is renewed")


def lease_of(journey):
    return journey._store.load([journey.id])[journey.id].lease_expires_at


def performed(motor, journey):
    return motor.perform_ticket(str(Ticket(motor.store.table.full_name, str(journey.id), journey.fence)))


def test_tickets_that_are_performed_one_after_the_other_share_a_thread(motor):
    seen = []
    for _ in range(5):
        journey = Quick.start()
        assert performed(motor, journey) == Completed()
        seen.append(motor.store.load([journey.id])[journey.id].data)
    assert seen == [seen[0]] * 5
    assert heartbeats() == seen[0]


def test_a_short_lease_is_renewed_by_a_thread_that_rests_after_a_long_one(motor):
    performed(motor, Quick.start())
    assert performed(motor, Renewed.start()) == Completed()


def test_several_leases_at_once_are_renewed(motor):
    journeys = [Renewed.start() for _ in range(4)]
    threads = [threading.Thread(target=performed, args=(motor, journey)) for journey in journeys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [motor.store.load([each.id])[each.id].state for each in journeys] == [State.FINISHED] * 4


def test_a_row_that_somebody_has_locked_lets_no_other_lease_run_out(motor):
    done, locked, checked = threading.Event(), threading.Event(), threading.Event()

    class Long(MemoryJourney):
        lease = 9

        @step
        def work(self):
            done.wait(30)

    def holds(journey):
        with motor.store.transaction():
            motor.store.database.lock(journey.id)
            locked.set()
            checked.wait(30)

    def watches(journey):
        for _ in range(30):
            assert lease_of(journey) > motor.store.now(), "its lease has run out"
            pause_for(0.1)

    Inside.does = watches
    both = MemoryMotor(Long, Inside)
    long = Long.start()
    performing = threading.Thread(target=performed, args=(both, long))
    performing.start()
    wait_until(lambda: lease_of(long) is not None)
    motor = both  # whose rows they are
    holding = threading.Thread(target=holds, args=(long,))
    holding.start()
    assert locked.wait(30)
    pause_for(3.2)  # its renewal is due now, and waits
    assert performed(both, Inside.start()) == Completed()
    checked.set()
    done.set()
    holding.join(30)
    performing.join(30)


def test_a_thread_that_could_not_be_started_is_started_by_the_next(motor, monkeypatch):
    def fails(self):
        monkeypatch.undo()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Heartbeat, "start", fails)
    with pytest.raises(RuntimeError):
        performed(motor, Quick.start())
    assert performed(motor, Renewed.start()) == Completed()


def test_a_thread_that_died_is_started_by_the_next(motor, monkeypatch):
    died, beat = threading.Event(), Heartbeat.beat

    def dies(self):
        monkeypatch.setattr(Heartbeat, "beat", beat)
        died.set()
        raise SystemExit

    monkeypatch.setattr(threading, "excepthook", lambda told: None)

    Inside.does = lambda self: died.wait(30)
    before = heartbeats()
    monkeypatch.setattr(Heartbeat, "beat", dies)
    performed(motor, Inside.start())
    wait_until(lambda: set(heartbeats()) <= set(before), what="it is dead")
    assert performed(motor, Renewed.start()) == Completed()


def test_the_thread_ends_when_there_was_nothing_to_renew_for_a_while_and_the_next_performance_starts_another(
    motor, monkeypatch
):
    monkeypatch.setattr(pulse, "IDLE", 0.1)
    before = heartbeats()
    performed(motor, Quick.start())
    wait_until(lambda: set(heartbeats()) <= set(before), what="it has ended")
    assert performed(motor, Renewed.start()) == Completed()


def test_a_thread_that_has_asked_the_database_ends_with_the_performance_and_leaves_no_connection(motor):
    before = heartbeats()
    performed(motor, Renewed.start())
    assert set(heartbeats()) <= set(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")
def test_a_process_that_a_step_forks_off_renews_its_own_leases_and_not_those_of_its_parent(motor):
    def in_the_child(journey):
        held = lease_of(journey)
        Inside.does = is_renewed
        own = performed(motor, Inside.start())
        return own == Completed() and lease_of(journey) == held

    def forks(journey):
        assert is_right_in_a_fork(lambda: in_the_child(journey))

    Inside.does = forks
    performed(motor, Quick.start())
    assert performed(motor, Inside.start()) == Completed()
