"""The sweep makes up for what was lost: tickets, queues, and whoever was about to hand one over."""

from datetime import timedelta

import pytest

from stepper_motor import State, now, step
from stepper_motor.motor.housekeeping import Housekeeper, Housekept
from stepper_motor.motor.schedulers import IN_VAIN, ForwardScheduler
from tests.home import Customer, Drip, Journey, PaymentJourney, configured, delete, execute, found, motor, start
from tests.semantics.holding import hold
from tests.semantics.seen import row_of
from tests.semantics.side_by_side import side_by_side
from tests.tickets.at_work import locked, perform, sweep
from tests.tickets.keeping import KeepingQueue, Unreachable

pytestmark = pytest.mark.database(transaction=True)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Errand(Journey[Customer]):
    @step
    def run(self): ...


class Chores(Journey[Customer]):
    @step
    def one(self): ...

    @step(wait=HOUR)
    def two(self): ...


class Refused(Journey[Customer]):
    queue_options = {"queue": "no such queue"}

    @step
    def run(self): ...


def keep():
    return Housekeeper(motor()).keep()


def lost(*classes):
    """Journeys whose tickets the queue has lost."""
    made = [start(cls) for cls in classes]
    motor().scheduler.queue.take()
    return made


# ------------------------------------------------------------------------------------------------ tickets are lost


def test_a_lost_ticket_costs_a_minute(clock, forward, queue):
    (journey,) = lost(Errand)
    clock.move(MINUTE - timedelta(seconds=1))
    assert sweep() == 0
    clock.move(timedelta(seconds=1))
    assert sweep() == 1
    (job,) = queue.jobs
    assert (job.ticket.fence, job.at) == (journey.fence, None)
    perform(job)
    assert row_of(journey).state is State.FINISHED


def test_it_is_handed_over_again_after_intervals_that_double_up_to_an_hour(clock, forward, queue):
    lost(Errand)
    for minutes in (1, 1, 2, 4, 8, 16, 32, 60, 60):
        clock.move(minutes * MINUTE - timedelta(seconds=1))
        assert sweep() == 0
        clock.move(timedelta(seconds=1))
        assert sweep() == 1


def test_each_step_begins_anew_with_a_minute(clock, forward, queue):
    lost(Chores)
    clock.move(10 * MINUTE)
    assert sweep() == 1
    perform(queue.take()[0])
    queue.take()
    clock.move(HOUR + MINUTE)
    assert sweep() == 1


def test_somebody_s_verb_is_a_new_ticket_too(clock, forward, queue):
    (journey,) = lost(Errand)
    clock.move(MINUTE)
    assert sweep() == 1
    journey.reschedule(at=now())
    queue.take()
    clock.move(MINUTE)
    assert sweep() == 1


def test_what_was_handed_over_a_moment_ago_is_not_swept_although_its_time_is_long_past(clock, forward, queue):
    (journey,) = lost(Errand)
    journey.pause()
    clock.move(HOUR)
    found(journey).resume()
    assert len(queue.jobs) == 1
    assert sweep() == 0


def test_what_a_performer_holds_is_not_swept(clock, forward, queue):
    (journey,) = lost(Errand)
    hold(journey, now() + 10 * HOUR)
    clock.move(HOUR)
    assert sweep() == 0


def test_what_is_paused_is_not_swept(clock, forward, queue):
    (journey,) = lost(Errand)
    journey.pause()
    clock.move(HOUR)
    assert sweep() == 0


@pytest.mark.only_on("postgresql", "mariadb")
def test_a_journey_that_is_in_use_does_not_keep_the_sweep_from_the_others(clock, forward, queue):
    _, two, _ = lost(Errand, Errand, Errand)
    clock.move(MINUTE)
    with locked(two):
        assert sweep() == 2
    assert sweep() == 1


def test_more_than_a_batch_is_swept_in_one_round_the_longest_due_first(clock, queue):
    with configured(scheduler=ForwardScheduler(queue), batch=3):
        journeys = []
        for _ in range(8):
            journeys += lost(Errand)
            clock.move(timedelta(seconds=1))
        clock.move(MINUTE)
        assert sweep() == 8
        assert [job.ticket.id for job in queue.jobs] == [str(journey.id) for journey in journeys]


def test_every_table_is_swept(clock, forward, queue):
    lost(Errand, PaymentJourney)
    clock.move(MINUTE)
    assert sweep() == 2
    assert len({job.ticket.table for job in queue.jobs}) == 2


# ------------------------------------------------------------------------------------------------- many sweep at once


def test_however_many_sweep_at_once_each_ticket_is_handed_over_once(clock, queue):
    with configured(scheduler=ForwardScheduler(queue), batch=7):
        journeys = lost(*[Errand] * 60)
        clock.move(MINUTE)
        sweeping = motor()
        counts = side_by_side(*[Housekeeper(sweeping).sweep] * 5)
        total = sum(counts) + sweep()
        assert total == len(queue.jobs) == 60
        assert {job.ticket.fence for job in queue.jobs} == {journey.fence for journey in journeys}


def test_and_so_is_each_that_comes_within_the_horizon(clock):
    queue = KeepingQueue(10 * MINUTE)
    with configured(scheduler=ForwardScheduler(queue), batch=7):
        for _ in range(30):
            start(Errand, at=now() + HOUR)
        clock.move(50 * MINUTE)
        counts = side_by_side(*[Housekeeper(motor()).sweep] * 5)
        assert sum(counts) + sweep() == len(queue.jobs) == 30
        assert len({job.ticket.fence for job in queue.jobs}) == 30


# -------------------------------------------------------------------------------------------- the queue can't be reached


def test_when_the_queue_is_away_nothing_is_lost(clock, forward, queue, heard):
    with queue.away():
        journey = start(Errand)
    (trouble,) = [event for event in heard if event.name == "trouble"]
    assert (trouble.detail, trouble.journey_id) == ("its ticket could not be handed over; the sweep will", journey.id)
    assert isinstance(trouble.error, Unreachable)
    clock.move(MINUTE)
    assert sweep() == 1
    perform(queue.take()[0])
    assert row_of(journey).state is State.FINISHED


def test_however_long_it_was_away_it_is_given_everything_within_a_minute_of_its_return(clock, forward, queue):
    lost(*[Errand] * 5)
    with queue.away():
        for _ in range(12):
            clock.move(MINUTE)
            assert sweep() == 0
    clock.move(MINUTE)
    assert sweep() == 5


def test_a_queue_that_is_away_is_not_asked_for_every_ticket(clock, queue, heard):
    with configured(scheduler=ForwardScheduler(queue), batch=10):
        lost(*[Errand] * 40)
        before = queue.asked
        clock.move(MINUTE)
        with queue.away():
            assert sweep() == 0
        assert queue.asked == before + IN_VAIN
        assert len(heard.details("trouble")) == IN_VAIN
        clock.move(MINUTE)
        assert sweep() == 40


def test_a_machine_whose_clock_is_behind_hands_over_what_is_overdue_at_once(clock, forward, queue, monkeypatch):
    start(Errand, at=now() + 4 * MINUTE)
    queue.take()
    monkeypatch.setattr(motor().stores[0], "now", lambda: clock.now() + 5 * MINUTE)
    assert sweep() == 1
    assert queue.times == [None]


def test_tickets_that_the_queue_refuses_do_not_keep_others_back(clock, queue, heard):
    lenient = queue.enqueue

    def enqueue(ticket, at, options):
        if options:
            raise ValueError(f"there is no queue {options['queue']!r}")
        lenient(ticket, at, options)

    queue.enqueue = enqueue
    with configured(scheduler=ForwardScheduler(queue)):
        lost(*[Refused] * 5, Errand)
        assert heard.details("trouble") == ["the queue refused its ticket"] * 5
        clock.move(MINUTE)
        assert sweep() == 1
        clock.move(MINUTE)
        assert sweep() == 1  # and those that are refused come no oftener than others, for all the noise they make
        clock.move(MINUTE)
        assert sweep() == 0


# ----------------------------------------------------------------------------------- the worst moments to die in


class PowerFailure(BaseException):
    pass


@pytest.fixture
def dying(queue):
    """Whoever hands something to the queue dies."""

    class Dying:
        def __enter__(self):
            queue.error = PowerFailure()

        def __exit__(self, *_):
            queue.error = None

    return Dying()


def test_who_dies_between_the_settlement_and_the_hand_over_costs_the_next_step_a_minute(clock, forward, queue, dying):
    journey = start(Chores)
    (job,) = queue.take()
    with pytest.raises(PowerFailure), dying:
        perform(job)
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.performed_by) == (State.READY, "two", None)
    clock.move(HOUR + MINUTE)
    assert sweep() == 1
    perform(queue.take()[0])
    assert row_of(journey).state is State.FINISHED


def test_who_dies_between_the_mark_and_the_hand_over_costs_another_minute(clock, forward, queue, dying):
    lost(Errand)
    clock.move(MINUTE)
    with pytest.raises(PowerFailure), dying:
        sweep()
    assert sweep() == 0
    clock.move(MINUTE)
    assert sweep() == 1


def test_who_dies_after_the_commit_of_a_start_costs_the_first_step_a_minute(clock, forward, queue, monkeypatch):
    with monkeypatch.context() as dead:
        dead.setattr(forward, "hand_over", lambda *_: None)
        start(Errand)
    assert queue.asked == 0
    clock.move(MINUTE)
    assert sweep() == 1


def test_who_dies_in_a_step_costs_its_lease_and_it_is_handed_over_by_who_recovers_it(clock, forward, queue):
    (journey,) = lost(Errand)
    hold(journey, now() + MINUTE)
    clock.move(MINUTE + timedelta(seconds=1))
    assert keep() == Housekept(recovered=1, handed_over=0)
    (job,) = queue.jobs
    assert (job.ticket.fence, job.at) == (row_of(journey).fence, None)


# ----------------------------------------------------------------------------------------------------- keeping house


def test_a_round_of_housekeeping_recovers_hands_over_and_deletes(clock, forward, queue):
    ended, overdue, held = lost(Errand, Errand, Errand)
    ended.cancel()
    hold(held, now() + HOUR)
    clock.move(timedelta(days=31))
    assert keep() == Housekept(recovered=1, deleted=1, failed=0, handed_over=1)
    assert [job.ticket.id for job in queue.jobs] == [str(held.id), str(overdue.id)]


def test_marks_are_deleted_a_day_after_they_were_of_any_use(clock, forward, queue):
    (journey,) = lost(Errand)
    clock.move(MINUTE)
    sweep()
    assert _marks() == 1
    delete(journey)
    clock.move(timedelta(hours=23))
    keep()
    assert _marks() == 1
    clock.move(timedelta(hours=2))
    keep()
    assert _marks() == 0


def test_there_is_one_mark_for_a_journey_at_most(clock, forward, queue):
    (journey,) = lost(Drip)
    for _ in range(6):
        clock.move(timedelta(days=40))
        sweep()
        assert _marks() <= 1
        for job in queue.take():
            perform(job)
    assert row_of(journey).state is State.FINISHED


def _marks():
    ((count,),) = execute("SELECT COUNT(*) FROM stepper_motor_tickets")
    return count
