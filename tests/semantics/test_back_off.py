"""How often and when a step that raised is reattempted. SEMANTICS 3 and 7."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepper_motor import (
    Reattempt,
    State,
)
from tests.semantics.failing import failing, performed, started, working
from tests.semantics.seen import entries_of

pytestmark = pytest.mark.database


def test_an_exception_waits_by_the_back_off_and_not_by_the_steps_own_wait(clock, customer):
    journey = started(failing(ValueError(), on_exception=Reattempt(wait=10, jitter=0)), customer, clock)
    waits = []
    for _ in range(4):
        performed(journey)
        waits.append((journey.next_step_to_be_performed_at - clock.now()).total_seconds())
        clock.at = journey.next_step_to_be_performed_at
    assert waits == [10, 20, 40, 80]
    assert (journey.attempts, journey.failures, journey.round) == (4, 4, 0)


def test_the_word_reattempt_means_the_usual_one(clock, customer):
    journey = started(failing(ValueError(), on_exception="reattempt"), customer, clock)
    performed(journey)
    assert timedelta(seconds=9) <= journey.next_step_to_be_performed_at - clock.now() <= timedelta(seconds=11)


def test_max_attempts_counts_the_first_failure_too(clock, customer):
    journey = started(failing(ValueError(), on_exception=Reattempt(wait=0, max_attempts=2)), customer, clock)
    performed(journey)
    assert journey.state == State.READY
    performed(journey)
    assert (journey.state, journey.attempts, journey.failures) == (State.PAUSED, 2, 2)


def test_a_reattempt_the_code_asked_for_renews_the_budget(clock, customer):
    course = iter(["fail", "again", "fail", "fail"])

    def body(self):
        if next(course) == "again":
            self.reattempt(0)
        raise ValueError

    journey = started(working(body, on_exception=Reattempt(wait=0, max_attempts=2)), customer, clock)
    counts = []
    for _ in range(4):
        performed(journey)
        counts.append((journey.state, journey.attempts, journey.failures, journey.round))
    ready = State.READY
    assert counts == [(ready, 1, 1, 0), (ready, 2, 0, 1), (ready, 3, 1, 1), (State.PAUSED, 4, 2, 1)]


def test_a_resume_renews_the_budget(clock, customer):
    journey = started(failing(ValueError(), on_exception=Reattempt(wait=0, max_attempts=1)), customer, clock)
    performed(journey)
    journey.resume()
    assert (journey.attempts, journey.failures) == (1, 0)
    performed(journey)
    assert (journey.attempts, journey.failures) == (2, 1)


def test_a_normal_end_renews_the_budget(clock, customer):
    course = iter([True, False])

    def body(self):
        if next(course):
            raise ValueError

    journey = started(working(body, on_exception=Reattempt(wait=0)), customer, clock)
    performed(journey)
    performed(journey)
    assert (journey.next_step_name, journey.attempts, journey.failures) == ("more", 0, 0)
    assert [entry.attempt for entry in entries_of(journey)] == [1, 2]
