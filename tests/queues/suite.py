"""What every queue has to do, whatever job system and broker is behind it.

An adapter's test module derives a class from it for each broker, and gives it a fixture `system`:

    class TestOnRedis(QueueSuite):
        @pytest.fixture(scope="class")
        @classmethod
        def system(cls, diary_folder, django_db_setup):
            with running(Redis) as broker, at_work(CelerySystem(diary_folder, broker)) as system:
                yield system

The tests run against real worker processes and a broker of their own.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import transaction

from stepper_motor import State, now, step
from stepper_motor.django import Journey, motor
from stepper_motor.motor.ticket import VERSION, Ticket
from tests.conditions import wait_until
from tests.home.django import rolled_back
from tests.queues.journeys import Async, CanceledIfLost, Deadly, Failing, HeldOnce, Pilgrimage, Sprint, Stroll
from tests.queues.noting import bodies, events, reported, tickets
from tests.queues.sweeping import LIMIT, Sweeper, be_overdue, keep_house, state_of, wait_for_end
from tests.queues.systems import JobSystem

SPRINT = ["one", "two", "three"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(180)
class QueueSuite:
    """Its tests share a worker, which is started anew where it was killed."""

    @pytest.fixture(autouse=True)
    def _in_use(self, system: JobSystem, transactional_db):
        system.works()
        with system.in_use():
            yield
        system.rests()

    # ------------------------------------------------------------------------------------------ to the end

    def test_steps_that_are_due_at_once_are_performed_with_one_ticket(self, system):
        journey = Sprint.start()
        wait_for_end(journey)
        assert bodies(journey) == SPRINT
        assert len(tickets(journey)) == 1

    def test_a_journey_with_waits_runs_to_its_end_with_a_ticket_for_each(self, system):
        journey = Stroll.start()
        wait_for_end(journey, sweep=None if system.keeps_delays else Sweeper())
        assert bodies(journey) == SPRINT
        if system.keeps_delays:
            assert len(set(tickets(journey))) == len(tickets(journey)) == 3

    def test_async_steps_are_performed_as_well(self, system):
        journey = Async.start()
        wait_for_end(journey)
        assert bodies(journey) == ["one", "two"]

    def test_many_journeys_are_performed_each_once(self, system):
        journeys = Sprint.objects.bulk_create([Sprint() for _ in range(50)])
        wait_for_end(*journeys)
        assert [bodies(journey) for journey in journeys] == [SPRINT] * 50

    def test_what_lies_beyond_the_horizon_is_not_handed_over(self, system):
        journey = Pilgrimage.start()
        wait_until(lambda: bodies(journey) == ["left"], limit=LIMIT)
        wait_until(lambda: state_of(journey) == "ready")
        keep_house()
        _a_ticket_later()
        assert len(tickets(journey)) == (1 if system.noted.max_delay is not None else 2)
        assert bodies(journey) == ["left"]

    # -------------------------------------------------------------------------------- tickets that are wrong

    def test_a_ticket_that_comes_five_times_is_performed_once(self, system):
        journey = without_a_ticket(Sprint, system)
        for _ in range(5):
            system.noted.enqueue(ticket_of(journey), None, {})
        wait_for_end(journey)
        wait_until(lambda: len(events(journey.pk, "ticket_ignored")) == 4, limit=LIMIT)
        assert bodies(journey) == SPRINT

    def test_a_ticket_that_comes_early_performs_nothing(self, system):
        journey = Pilgrimage.start(at=now() + timedelta(days=40))
        system.noted.enqueue(ticket_of(journey), None, {})
        wait_until(lambda: events(journey.pk, "ticket_early"), limit=LIMIT)
        assert (bodies(journey), state_of(journey)) == ([], "ready")

    def test_tickets_that_come_early_again_and_again_do_not_multiply(self, system):
        journey = without_a_ticket(Sprint, system, at=now() + timedelta(minutes=9))
        for _ in range(5):
            system.noted.enqueue(ticket_of(journey), None, {})
        wait_until(lambda: len(events(journey.pk, "ticket_early")) == 5, limit=LIMIT)
        _a_ticket_later()
        assert len(tickets(journey)) <= 5 + 1
        assert bodies(journey) == []

    def test_a_ticket_that_comes_late_is_ignored(self, system):
        journey = without_a_ticket(Sprint, system)
        ticket = ticket_of(journey)
        with system.noted.losing():
            while journey.state is State.READY:
                journey.perform_next_step()
        system.noted.enqueue(ticket, None, {})
        wait_until(lambda: events(journey.pk, "ticket_ignored"), limit=LIMIT)
        assert events(journey.pk, "ticket_ignored") == ["it is out of date: the journey is finished"]

    def test_tickets_out_of_order_perform_the_steps_in_order(self, system):
        journey = without_a_ticket(Sprint, system)
        old = ticket_of(journey)
        with system.noted.losing():
            journey.perform_next_step()
        system.noted.enqueue(ticket_of(journey), None, {})
        system.noted.enqueue(old, None, {})
        wait_for_end(journey)
        assert [word for word in bodies(journey) if word != "one"] == ["two", "three"]

    def test_a_ticket_that_was_lost_is_made_up_for_by_the_sweep(self, system):
        journey = without_a_ticket(Sprint, system)
        assert keep_house().handed_over == 0
        be_overdue()
        assert keep_house().handed_over == 1
        assert keep_house().handed_over == 0
        wait_for_end(journey)
        assert bodies(journey) == SPRINT

    def test_the_sweep_runs_as_a_job_of_the_queue_itself(self, system):
        journey = without_a_ticket(Sprint, system)
        be_overdue()
        system.enqueue_sweep()
        wait_for_end(journey)
        assert bodies(journey) == SPRINT

    @pytest.mark.parametrize(
        "parts",
        [
            pytest.param({"v": VERSION + 1}, id="of a newer version"),
            pytest.param({"table": "nowhere"}, id="for an unknown table"),
            pytest.param({"id": "no key"}, id="with an impossible key"),
            pytest.param({"id": "987654321"}, id="for a journey that is gone"),
        ],
    )
    def test_a_ticket_that_means_nothing_here_is_ignored(self, system, parts):
        journey = without_a_ticket(Sprint, system)
        before = _ignored()
        system.noted.queue.enqueue(json.dumps({**json.loads(ticket_of(journey)), **parts}), None, {})
        wait_until(lambda: _ignored() == before + 1, limit=LIMIT)
        assert bodies(journey) == []
        _a_ticket_later()

    def test_what_is_no_ticket_is_ignored(self, system):
        before = _ignored()
        system.noted.queue.enqueue("garbage", None, {})
        wait_until(lambda: _ignored() == before + 1, limit=LIMIT)
        _a_ticket_later()

    def test_a_row_that_was_deleted_before_its_ticket_came_is_no_error(self, system):
        journey = without_a_ticket(Sprint, system)
        ticket, pk = ticket_of(journey), journey.pk
        journey.delete()
        system.noted.enqueue(ticket, None, {})
        wait_until(lambda: events(pk, "ticket_ignored"), limit=LIMIT)
        assert events(pk, "ticket_ignored") == [f"journey {pk} is gone"]

    # --------------------------------------------------------------------------------------- steps that fail

    def test_what_a_step_raised_is_settled_and_reported_once(self, system):
        journey = Failing.start()
        wait_until(lambda: state_of(journey) == "paused", limit=LIMIT)
        error = f"RuntimeError: no luck on {journey.pk}"
        wait_until(lambda: error in reported(), limit=LIMIT)
        _a_ticket_later()
        assert reported().count(error) == 1
        assert bodies(journey) == ["began"]
        assert [entry.outcome for entry in journey.history.all()] == ["failed"]

    # ----------------------------------------------------------------------------------------- transactions

    def test_a_transaction_that_is_rolled_back_hands_over_nothing(self, system):
        with rolled_back():
            journey = Sprint.start()
        _a_ticket_later()
        assert events(journey.pk, "ticket_ignored") == bodies(journey) == []

    def test_a_savepoint_that_is_rolled_back_hands_over_nothing(self, system):
        with transaction.atomic():
            kept = Sprint.start()
            with rolled_back():
                lost = Sprint.start()
        wait_for_end(kept)
        _a_ticket_later()
        assert events(lost.pk, "ticket_ignored") == bodies(lost) == []

    def test_a_ticket_is_handed_over_with_the_outermost_commit(self, system):
        with transaction.atomic():
            with transaction.atomic():
                journey = Sprint.start()
            _a_ticket_of_another(system)
            assert bodies(journey) == []
            assert len(tickets(journey)) == (1 if system.commits_with_the_app else 0)
        wait_for_end(journey)
        assert len(tickets(journey)) == 1

    # -------------------------------------------------------------------------------------- options and modes

    def test_queue_options_of_the_class_and_of_the_step_reach_the_job(self, system):
        class Options(Journey):
            queue_options = system.elsewhere

            @step
            def one(self): ...

        class OptionsOfAStep(Journey):
            @step(queue_options=system.elsewhere)
            def one(self): ...

        assert system.waiting_elsewhere() == 0
        Options.start()
        wait_until(lambda: system.waiting_elsewhere() == 1)
        OptionsOfAStep.start()
        wait_until(lambda: system.waiting_elsewhere() == 1)

    def test_a_queue_option_that_there_is_not_is_refused(self, system):
        with pytest.raises(ValueError, match="no queue option 'colour'"):
            system.noted.queue.enqueue("a ticket", None, {"colour": "red"})

    def test_an_eager_mode_is_given_nothing_and_so_never_recurses(self, system):
        eager = system.eager()
        if eager is None:
            pytest.skip("it has no eager mode")
        with eager:
            assert system.noted.is_eager
            journey = Sprint.start()
            be_overdue()
            assert keep_house().handed_over == 0
        assert (tickets(journey), bodies(journey)) == ([], [])
        assert not system.noted.is_eager

    # --------------------------------------------------------------------------------------------- disasters

    def test_a_worker_that_is_killed_in_a_step_costs_one_more_attempt(self, system):
        journey = HeldOnce.start()
        wait_until(lambda: bodies(journey) == ["began"], limit=LIMIT)
        system.kill_workers()
        other = Sprint.start()
        system.start()
        wait_for_end(journey, other, sweep=Sweeper())
        assert bodies(journey) == ["began", "began", "ended", "went on"]
        assert [entry.outcome for entry in journey.history.all()] == ["lost", "completed", "completed"]
        assert bodies(other) == SPRINT

    def test_a_step_that_says_so_is_not_performed_again_after_a_kill(self, system):
        journey = CanceledIfLost.start()
        wait_until(lambda: bodies(journey) == ["began"], limit=LIMIT)
        system.kill_workers()
        system.start()
        sweep = Sweeper()
        wait_until(lambda: sweep() or state_of(journey) == "canceled", limit=LIMIT)
        _a_ticket_later()
        assert bodies(journey) == ["began"]

    def test_a_step_that_ends_its_process_again_and_again_is_paused_and_holds_up_nobody(self, system):
        journey, other = Deadly.start(), Sprint.start()
        sweep = Sweeper(system.works)
        wait_until(lambda: sweep() or state_of(journey) == "paused", limit=LIMIT)
        # Where a worker has threads, the other may be lost along with it: its lease is a minute.
        wait_for_end(other, sweep=sweep, limit=2 * LIMIT)
        assert bodies(journey) == ["dies"] * 3
        assert [entry.outcome for entry in journey.history.all()] == ["lost"] * 3

    def test_a_broker_that_dies_in_the_middle_and_comes_back_loses_nothing_and_doubles_nothing(self, system):
        broker = _broker_of(system)
        journeys = [Stroll.start() for _ in range(10)]
        broker.restart()
        journeys += [Stroll.start() for _ in range(10)]
        wait_for_end(*journeys, sweep=Sweeper(system.works), limit=2 * LIMIT)
        assert [bodies(journey) for journey in journeys] == [SPRINT] * 20

    @pytest.mark.parametrize("trouble", ["away", "frozen"])
    def test_a_broker_that_does_not_answer_keeps_no_journey_from_starting(self, system, trouble):
        broker = _broker_of(system)
        with getattr(broker, trouble)():
            journey = Sprint.start()
            assert journey.state is State.READY
        wait_for_end(journey, sweep=Sweeper(system.works))
        assert bodies(journey) == SPRINT


def without_a_ticket(cls, system, **options):
    """A journey of which the queue has not heard."""
    with system.noted.losing():
        return cls.start(**options)


def ticket_of(journey):
    journey.refresh_from_db()
    return str(Ticket(Journey._meta.db_table, str(journey.pk), journey.fence, motor().name))


def _a_ticket_later():
    """Whatever the queue had got before is done: a ticket that was handed over now is, too."""
    journey = Sprint.start()
    wait_for_end(journey, sweep=None)
    assert bodies(journey) == SPRINT


def _a_ticket_of_another(system):
    """The same within a transaction of the test's, with a ticket that is for nobody."""
    before = _ignored()
    system.noted.queue.enqueue("garbage", None, {})
    if not system.commits_with_the_app:
        wait_until(lambda: _ignored() == before + 1, limit=LIMIT)


def _ignored():
    return len(events(None, "ticket_ignored")) + len(events("987654321", "ticket_ignored"))


def _broker_of(system):
    if system.broker is None:
        pytest.skip("its broker is the app's database")
    return system.broker
