"""Whatever makes a journey ready hands over a ticket for it: with the fence and the time that its row has then."""

from datetime import timedelta

import pytest

from stepper_motor import CyclicScheduler, ForwardScheduler, Reattempt, State, now, step
from stepper_motor.motor import schedulers
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.performance import Performance
from stepper_motor.motor.schedulers import IN_VAIN, LEFT_ALONE
from tests.home import (
    Customer,
    Journey,
    configured,
    create,
    create_many,
    found,
    in_transaction,
    motor,
    rolled_back,
    start,
    start_for,
    tell,
    these,
    words,
)
from tests.semantics.elsewhere import elsewhere
from tests.semantics.holding import hold
from tests.semantics.seen import claimed_by, row_of
from tests.tickets.at_work import perform, sweep
from tests.tickets.keeping import KeepingQueue, RowKeepingQueue

pytestmark = pytest.mark.database(transaction=True)
HOUR = timedelta(hours=1)


class Walk(Journey[Customer]):
    queue_options = {"queue": "slow"}

    @step
    def one(self): ...

    @step(wait=HOUR)
    def two(self): ...


class Flaky(Journey[Customer]):
    on_exception = Reattempt(wait=60, jitter=0)

    @step
    def fail(self):
        raise ConnectionError


class Brief(Journey[Customer]):
    @step
    def one(self): ...


class Starting(Journey[Customer]):
    @step(atomic=True)
    def start_another(self):
        start(Walk, inside=self)
        tell(self, "started")


class Undone(Journey[Customer]):
    @step(atomic=True)
    def start_another(self):
        start(Walk, inside=self)
        raise LookupError


def only_ticket_is_for(queue, journey):
    """There is one new ticket, and it is what the row says."""
    (job,) = queue.take()
    row = row_of(journey)
    assert (job.ticket.id, job.ticket.fence) == (str(journey.id), row.fence)
    assert (job.at is None) == (row.next_step_to_be_performed_at <= now())
    return job


# --------------------------------------------------------------------------------------------------------- starting


def test_start(clock, forward, queue):
    only_ticket_is_for(queue, start(Walk))


def test_start_at_a_time(clock, forward, queue):
    only_ticket_is_for(queue, start(Walk, at=now() + HOUR))


def test_a_journey_that_is_saved_without_start(clock, forward, queue, customer):
    only_ticket_is_for(queue, create(Walk, hero=customer))


def test_a_conflict_hands_over_nothing(clock, forward, queue, customer):
    start(Walk, customer)
    queue.take()
    start(Walk, customer, on_conflict="ignore")
    start(Walk, customer, on_conflict="existing")
    assert queue.jobs == []


def test_a_journey_that_replaces_another(clock, forward, queue, customer):
    start(Walk, customer)
    queue.take()
    only_ticket_is_for(queue, start(Walk, customer, on_conflict="replace"))


def test_start_for_hands_over_a_ticket_for_each_that_was_started(clock, forward, queue):
    create_many(Customer, [{"name": str(n)} for n in range(5)])
    start(Walk, next(iter(these(Customer))))
    queue.take()
    assert start_for(Walk, these(Customer)) == 4
    jobs = queue.take()
    started = {str(journey.id): journey.fence for journey in these(Walk)}
    assert len(jobs) == 4
    assert all(started[job.ticket.id] == job.ticket.fence for job in jobs)


def test_a_journey_without_steps_is_over_and_hands_over_nothing(clock, forward, queue):
    class Empty(Journey[Customer]): ...

    start(Empty)
    assert queue.jobs == []


# ------------------------------------------------------------------------------------------------------- performing


def test_the_following_step(clock, forward, queue):
    journey = start(Walk)
    perform(queue.take()[0])
    only_ticket_is_for(queue, journey)


def test_another_attempt(clock, forward, queue):
    journey = start(Flaky)
    perform(queue.take()[0])
    job = only_ticket_is_for(queue, journey)
    assert job.at is not None


def test_steps_that_are_performed_by_hand(clock, forward, queue):
    journey = start(Walk)
    queue.take()
    journey.perform_next_step()
    only_ticket_is_for(queue, journey)


def test_a_lost_performance_that_is_recovered(clock, forward, queue):
    journey = start(Walk)
    queue.take()
    hold(journey, now() - HOUR)
    assert elsewhere(lambda: Housekeeper(motor()).recover()) == (1, 0)
    only_ticket_is_for(queue, journey)


def test_one_that_is_recovered_by_a_verb(clock, forward, queue):
    journey = start(Walk)
    queue.take()
    hold(journey, now() - HOUR)
    found(journey).skip()
    only_ticket_is_for(queue, journey)


def test_a_claim_that_is_handed_back_unperformed(clock, forward, queue):
    """A performer whose lease is nearly over when its turn comes gives the row back, with a new fence."""
    journey = start(Walk)
    queue.take()
    fence = journey.fence

    def late():
        store = motor().stores[0]
        claim = claimed_by(found(journey), "worker 1")
        (claimed,) = store.load([claim.id]).values()
        performance = Performance(claimed, store, "worker 1", motor().settings, claimed_now=claim.now)
        performance.lease_ends_at -= performance.lease.total_seconds()
        return motor().perform(performance)

    assert elsewhere(late) is None
    assert row_of(journey).fence != fence
    only_ticket_is_for(queue, journey)


def test_a_journey_that_is_started_in_an_atomic_step_is_handed_over_after_its_commit(clock, forward, queue):
    start(Starting)
    perform(queue.take()[0])
    assert words() == ["started"]
    only_ticket_is_for(queue, next(iter(these(Walk))))


def test_one_that_is_started_in_an_atomic_step_that_fails_is_not(clock, forward, queue):
    start(Undone)
    perform(queue.take()[0])
    assert list(these(Walk)) == []
    assert queue.jobs == []


# ------------------------------------------------------------------------------------------------------------- verbs


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("skip", {}),
        ("reattempt", {}),
        ("reattempt", {"wait": HOUR}),
        ("reschedule", {"at": "later"}),
        ("jump_to", {"step": "two"}),
    ],
)
def test_verbs_that_leave_it_ready(clock, forward, queue, verb, told):
    journey = start(Walk)
    queue.take()
    getattr(journey, verb)(**{name: now() + HOUR if value == "later" else value for name, value in told.items()})
    only_ticket_is_for(queue, journey)


@pytest.mark.parametrize("verb", ["pause", "cancel", "finish"])
def test_verbs_that_stop_it_hand_over_nothing(clock, forward, queue, verb):
    journey = start(Walk)
    queue.take()
    getattr(journey, verb)()
    assert queue.jobs == []


def test_resume(clock, forward, queue):
    journey = start(Walk)
    journey.pause()
    queue.take()
    journey.resume()
    only_ticket_is_for(queue, journey)


def test_resume_at_the_old_time(clock, forward, queue):
    journey = start(Walk, at=now() + HOUR)
    journey.pause()
    queue.take()
    journey.resume()
    assert only_ticket_is_for(queue, journey).at is not None


def test_rescheduling_what_is_paused_hands_over_nothing(clock, forward, queue):
    journey = start(Walk)
    journey.pause()
    queue.take()
    journey.reschedule(at=now() + HOUR)
    assert queue.jobs == []


def test_a_bulk_verb_hands_over_a_ticket_for_each(clock, forward, queue):
    for _ in range(3):
        start(Walk).pause()
    queue.take()
    assert these(Walk).resume() == (3, 0, 0)
    fences = {str(journey.id): journey.fence for journey in these(Walk)}
    assert {job.ticket.id: job.ticket.fence for job in queue.jobs} == fences


def test_jumping_out_of_the_end_begins_anew(clock, forward, queue):
    journey = start(Walk)
    journey.cancel()
    queue.take()
    journey.jump_to("one")
    only_ticket_is_for(queue, journey)


# ------------------------------------------------------------------------------------------------------ transactions


def test_inside_a_transaction_nothing_is_handed_over_before_the_outermost_commit(clock, forward, queue):
    with in_transaction():
        with in_transaction():
            journey = start(Walk)
        assert queue.jobs == []
    only_ticket_is_for(queue, journey)


def test_what_is_rolled_back_is_not_handed_over(clock, forward, queue):
    with rolled_back():
        start(Walk)
    assert queue.jobs == []


def test_neither_is_a_block_that_is_rolled_back_within_a_transaction(clock, forward, queue):
    with in_transaction():
        journey = start(Walk)
        with rolled_back():
            start(Walk)
    only_ticket_is_for(queue, journey)


def test_resume_inside_a_transaction_hands_over_one_ticket(clock, forward, queue):
    journey = start(Walk)
    journey.pause()
    queue.take()
    with in_transaction():
        journey.resume()
        assert queue.jobs == []
    only_ticket_is_for(queue, journey)


def test_a_ticket_of_what_changed_twice_in_a_transaction_is_out_of_date_and_the_last_one_is_not(clock, forward, queue):
    with in_transaction():
        journey = start(Walk)
        journey.reschedule(at=now())
    old, new = queue.take()
    assert (old.ticket.fence == row_of(journey).fence, new.ticket.fence == row_of(journey).fence) == (False, True)
    assert perform(old) is None
    assert perform(new) is not None


def test_a_queue_of_rows_is_given_them_inside(clock):
    queue = RowKeepingQueue()
    with configured(scheduler=ForwardScheduler(queue)), in_transaction():
        start(Walk)
        assert queue.inside == [True]


def test_a_cyclic_scheduler_hands_over_after_the_commit_too(clock, queue):
    with configured(scheduler=CyclicScheduler(queue, cycle_duration=30)):
        with in_transaction():
            journey = start(Walk)
            assert queue.jobs == []
        only_ticket_is_for(queue, journey)
        with rolled_back():
            start(Walk)
    assert queue.jobs == []


# ---------------------------------------------------------------------------------------------------------- how many


def test_a_journey_has_as_many_tickets_as_it_has_waits(clock, forward, queue):
    class Long(Journey[Customer]):
        for n in range(12):
            locals()[f"step_{n}"] = step(lambda self: None, name=f"step_{n}", wait=HOUR if n % 3 == 0 else None)

    journey = start(Long)
    while row_of(journey).state is State.READY:
        (job,) = queue.take()
        clock.move(HOUR)
        assert sweep() == 0
        perform(job)
    assert queue.asked == 4


def test_beyond_the_horizon_too(clock):
    queue = KeepingQueue(timedelta(minutes=10))
    with configured(scheduler=ForwardScheduler(queue)):
        journey = start(Walk)
        perform(queue.take()[0])
        while row_of(journey).state is State.READY:
            clock.move(timedelta(minutes=1))
            sweep()
            for job in queue.jobs if row_of(journey).next_step_to_be_performed_at <= now() else []:
                perform(job)
        assert queue.asked == 2


# ----------------------------------------------------------------------------------------------------- queue options


def test_the_class_s_queue_options_come_with_its_tickets(clock, forward, queue):
    start(Walk)
    assert queue.jobs[0].options == {"queue": "slow"}


def test_a_subclass_s_and_a_step_s_come_over_them(clock, forward, queue):
    class Hurried(Walk):
        queue_options = {"priority": 5}

        @step(queue_options={"queue": "fast"})
        def three(self): ...

    journey = start(Hurried)
    assert queue.take()[0].options == {"queue": "slow", "priority": 5}
    journey.jump_to("three")
    assert queue.take()[0].options == {"queue": "fast", "priority": 5}


def test_the_sweep_sends_them_along(clock, forward, queue):
    start(Walk)
    queue.take()
    clock.move(timedelta(minutes=1))
    sweep()
    assert queue.jobs[0].options == {"queue": "slow"}


def test_a_step_under_a_former_name_has_those_of_today(clock, forward, queue):
    class Renamed(Journey[Customer]):
        @step(formerly="once", queue_options={"queue": "today"})
        def today(self): ...

    journey = start(Renamed)
    assert journey._store.registry.queue_options(Renamed.definition.type_name, "once") == {"queue": "today"}


def test_a_step_that_is_not_known_has_those_of_its_class(clock, forward, queue):
    journey = start(Walk)
    assert journey._store.registry.queue_options(Walk.definition.type_name, "unknown") == {"queue": "slow"}
    assert journey._store.registry.queue_options("unknown", "unknown") == {}


def test_a_queue_that_is_away_makes_few_commits_wait_and_is_asked_again_after_a_while(
    forward, queue, heard, monkeypatch
):
    time = [1000.0]
    monkeypatch.setattr(schedulers, "monotonic", lambda: time[0])
    with queue.away():
        for _ in range(10):
            start(Brief)
    assert queue.asked == len(heard.details("trouble")) == IN_VAIN
    assert "in the next 10 seconds as well" in heard.details("trouble")[-1]
    start(Brief)
    assert queue.jobs == []
    time[0] += LEFT_ALONE
    start(Brief)
    start(Brief)
    assert len(queue.jobs) == 2


def test_one_that_fails_now_and_then_is_not_left_alone(forward, queue):
    for _ in range(IN_VAIN):
        with queue.away():
            start(Brief)
        start(Brief)
    assert len(queue.jobs) == IN_VAIN
