"""What a step costs: statements and commits, which must not grow, and running on from one step into the next."""

from __future__ import annotations

import threading

import pytest

from stepper_motor import State, step
from stepper_motor.django import Journey
from tests.conditions import wait_until
from tests.worker.inside import Asked, at_work, motor_of, run_once

pytestmark = pytest.mark.django_db(transaction=True)


class Walk(Journey):
    """Three steps that do nothing."""

    @step
    def one(self): ...

    @step
    def two(self): ...

    @step
    def three(self): ...


def finished(cls=Walk):
    return cls.objects.filter(state="finished").count()


def test_three_due_steps_of_a_lone_journey_are_one_claim_and_three_settlements():
    Walk.start()
    with Asked() as asked:
        run_once(motor_of(Walk))

    settlements = asked.like("UPDATE", "steps_completed")
    histories = asked.like("INSERT INTO", "stepper_motor_history")
    assert finished() == 1
    assert (asked.claims, len(settlements), len(histories)) == (1, 3, 3)
    assert asked.commits == 4


@pytest.mark.slow
def test_statements_and_commits_are_shared_by_many_journeys():
    Walk.objects.bulk_create([Walk() for _ in range(400)])
    with Asked() as asked:
        run_once(motor_of(Walk), concurrency=4)

    assert finished() == 400
    assert asked.commits / 1200 < 0.05  # a step
    assert len(asked.statements) / 1200 < 0.25


@pytest.mark.parametrize(("in_a_row", "claims"), [(1, 3), (2, 2), (3, 1)])
def test_running_on_gives_others_a_turn_after_some_steps(in_a_row, claims):
    Walk.start()
    with Asked() as asked:
        run_once(motor_of(Walk, run_on_steps=in_a_row))

    assert finished() == 1
    assert asked.claims == claims


def test_running_on_gives_others_a_turn_after_a_second():
    class Slow(Journey):
        @step
        def hold(self):
            threading.Event().wait(1.1)

        @step
        def follow(self): ...

    Slow.start()
    with Asked() as asked:
        run_once(motor_of(Slow))

    assert finished(Slow) == 1
    assert asked.claims == 2


def test_a_reattempt_at_once_is_never_run_on():
    class Polling(Journey):
        @step
        def ask(self):
            if self.attempts < 3:
                self.reattempt(0)

    Polling.start()
    with Asked() as asked:
        run_once(motor_of(Polling))

    assert finished(Polling) == 1
    assert asked.claims == 4


def test_a_journey_that_reattempts_for_ever_keeps_no_other_from_its_turn():
    class Restless(Journey):
        @step
        def ask(self):
            self.reattempt(0)

    restless = [Restless.start() for _ in range(3)]
    with at_work(motor_of(Restless, Walk), concurrency=1):
        wait_until(lambda: Restless.objects.filter(attempts__gte=3).count() == 3)
        walks = [Walk.start() for _ in range(10)]
        wait_until(lambda: finished() == len(walks), limit=10)

    assert Restless.objects.filter(state=State.READY).count() == len(restless)


def test_what_a_step_changed_costs_no_statement_more_and_what_it_left_alone_is_not_written():
    class Noting(Journey):
        @step
        def note(self):
            self.data["noted"] = True

    Noting.start()
    with Asked() as asked:
        run_once(motor_of(Noting))

    assert Noting.objects.get().data == {"noted": True}
    assert len(asked.like("UPDATE", "steps_completed")) == 1
