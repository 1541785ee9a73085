"""The verbs from outside, line by line: what each makes of a row, and where it is refused. SEMANTICS 5."""

from datetime import timedelta

import pytest

from stepper_motor import (
    Canceled,
    Finished,
    InvalidState,
    Jumped,
    Paused,
    Reattempt,
    Reattempted,
    Rescheduled,
    Resumed,
    Skipped,
    State,
    step,
)
from tests.home import NOON, Customer, Journey, found, reload, start, these
from tests.semantics.holding import hold
from tests.semantics.seen import entries_of, last_entry

pytestmark = pytest.mark.database

HOUR = timedelta(hours=1)


class Flow(Journey[Customer]):
    @step
    def first(self): ...

    @step(wait=2 * HOUR)
    def second(self):
        if self.data.get("fails"):
            raise OSError
        if self.data.get("reattempts"):
            self.reattempt(HOUR)

    @step(wait=lambda journey: timedelta(hours=journey.data["hours"]))
    def third(self): ...


VERBS = {
    "pause": lambda journey: journey.pause(),
    "cancel": lambda journey: journey.cancel(),
    "resume": lambda journey: journey.resume(),
    "skip": lambda journey: journey.skip(),
    "reattempt": lambda journey: journey.reattempt(),
    "reschedule": lambda journey: journey.reschedule(),
    "jump_to": lambda journey: journey.jump_to("second"),
    "finish": lambda journey: journey.finish(),
}
AT_REST = {State.READY, State.PAUSED}
ALLOWED = {
    "pause": {State.READY, State.PERFORMING},
    "cancel": {State.READY, State.PERFORMING, State.PAUSED},
    "resume": {State.PAUSED},
    "skip": AT_REST,
    "reattempt": AT_REST,
    "reschedule": AT_REST,
    "jump_to": AT_REST | {State.FINISHED, State.CANCELED},
    "finish": AT_REST,
}
REFUSED = [(verb, state) for verb, allowed in ALLOWED.items() for state in State if state not in allowed]


@pytest.fixture
def flow(clock, customer):
    """At its second step, due in two hours, a minute after it came there."""
    journey = start(Flow, customer, data={"hours": 3})
    journey.perform_next_step()
    clock.move(timedelta(minutes=1))
    return journey


def brought_to(journey, state):
    match state:
        case State.PAUSED:
            journey.pause("on purpose")
        case State.CANCELED:
            journey.cancel("on purpose")
        case State.FINISHED:
            journey.finish()
        case State.PERFORMING:
            hold(journey, NOON + HOUR)
    reload(journey)
    return journey


def row(journey):
    return found(journey)._row


@pytest.mark.parametrize(("verb", "state"), REFUSED)
def test_on_any_other_state_a_verb_names_itself_and_the_state_and_changes_nothing(flow, verb, state):
    journey = brought_to(flow, state)
    before, told = row(journey), len(entries_of(journey))
    with pytest.raises(InvalidState, match=f"can't {verb} a journey that is {state}") as refused:
        VERBS[verb](journey)
    assert (refused.value.verb, refused.value.state) == (verb, state)
    assert (row(journey), len(entries_of(journey))) == (before, told)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_told_in_the_history_and_refreshes_the_object(flow, verb):
    journey = brought_to(flow, State.PAUSED if verb != "pause" else State.READY)
    VERBS[verb](journey)
    entry = last_entry(journey)
    assert entry.attempt is None
    assert (entry.step_name, entry.state, entry.finished_at) == ("second", journey.state, NOON + timedelta(minutes=1))
    assert journey._row == row(journey)


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_counts_as_a_step(flow, verb):
    journey = brought_to(flow, State.PAUSED if verb != "pause" else State.READY)
    VERBS[verb](journey)
    assert (journey.steps_entered, journey.steps_completed) == (1, 1)


def test_pause_stops_it_where_it_stands(flow):
    before = flow._row
    assert flow.pause("a storm", by="Ada") == Paused("a storm")
    assert flow._row == before._replace(state=State.PAUSED, reason="a storm", updated_at=flow.updated_at)


def test_resume_goes_on_at_the_due_time_it_had(flow):
    fence, due = flow.fence, flow.next_step_to_be_performed_at
    flow.pause()
    assert flow.resume() == Resumed()
    assert (flow.state, flow.next_step_name, flow.next_step_to_be_performed_at) == (State.READY, "second", due)
    assert flow.reason is None
    assert flow.fence != fence


def test_or_at_once_where_that_has_passed(flow, clock):
    flow.pause()
    clock.move(10 * HOUR)
    flow.resume()
    assert flow in these(Flow).due()
    assert flow.next_step_to_be_performed_at == NOON + 2 * HOUR
    assert flow.perform_next_step() is not None


def test_cancel_ends_it_before_its_last_step(flow, clock):
    before = flow._row
    assert flow.cancel("no interest") == Canceled("no interest")
    ended = {"state": State.CANCELED, "reason": "no interest", "ended_at": clock.now(), "updated_at": clock.now()}
    assert flow._row == before._replace(**ended)


def test_skip_passes_over_the_next_step(flow, clock):
    fence = flow.fence
    assert flow.skip() == Skipped()
    assert (flow.state, flow.previous_step_name, flow.next_step_name) == (State.READY, "second", "third")
    assert flow.next_step_to_be_performed_at == clock.now() + 3 * HOUR
    assert (flow.arrived_at, flow.attempts) == (clock.now(), 0)
    assert flow.fence != fence


def test_skip_of_the_last_step_finishes(flow, clock):
    flow.skip()
    fence = flow.fence
    flow.skip()
    assert (flow.state, flow.previous_step_name, flow.next_step_name) == (State.FINISHED, "third", None)
    assert (flow.next_step_to_be_performed_at, flow.ended_at, flow.fence) == (None, clock.now(), fence)


def test_skip_resumes_a_paused_journey(flow):
    flow.pause()
    flow.skip()
    assert (flow.state, flow.next_step_name, flow.reason) == (State.READY, "third", None)


def test_reattempt_is_now_or_after_its_wait_or_at_its_time(flow, clock):
    fence = flow.fence
    assert flow.reattempt() == Reattempted()
    assert (flow.next_step_name, flow.previous_step_name) == ("second", "first")
    assert flow.next_step_to_be_performed_at == clock.now()
    assert flow.fence != fence
    assert flow.reattempt(90) == Reattempted(90)
    assert flow.next_step_to_be_performed_at == clock.now() + timedelta(seconds=90)
    flow.reattempt(at=NOON + 5 * HOUR)
    assert flow.next_step_to_be_performed_at == NOON + 5 * HOUR
    flow.reattempt(at=NOON - HOUR)
    assert flow.next_step_to_be_performed_at == clock.now()
    flow.pause()
    flow.reattempt(Reattempt(wait=HOUR, jitter=0))
    assert (flow.state, flow.next_step_to_be_performed_at) == (State.READY, clock.now() + HOUR)


def test_reschedule_sets_the_due_time_and_leaves_a_paused_journey_paused(flow):
    fence = flow.fence
    flow.pause("still")
    assert flow.reschedule(NOON + 9 * HOUR) == Rescheduled(NOON + 9 * HOUR)
    assert (flow.state, flow.reason, flow.next_step_to_be_performed_at) == ("paused", "still", NOON + 9 * HOUR)
    assert flow.fence != fence


def test_or_works_it_out_anew_from_todays_definition_and_its_arrival(flow, clock):
    flow.reschedule(NOON + 9 * HOUR)
    flow.reschedule()
    assert flow.next_step_to_be_performed_at == NOON + 2 * HOUR
    clock.move(10 * HOUR)
    flow.reschedule()
    assert flow.next_step_to_be_performed_at == clock.now()


def test_jump_to_goes_on_at_another_step(flow, clock):
    fence, round = flow.fence, flow.round
    assert flow.jump_to("first") == Jumped("first")
    assert (flow.state, flow.next_step_name, flow.previous_step_name) == (State.READY, "first", "first")
    assert (flow.next_step_to_be_performed_at, flow.arrived_at) == (clock.now(), clock.now())
    assert flow.round == round + 1
    assert flow.fence != fence
    flow.jump_to("third", 60)
    assert flow.next_step_to_be_performed_at == clock.now() + timedelta(minutes=1)
    flow.jump_to("third", at=NOON + HOUR)
    assert flow.next_step_to_be_performed_at == NOON + HOUR


@pytest.mark.parametrize("state", [State.PAUSED, State.CANCELED])
def test_without_a_step_it_goes_on_where_it_stopped(flow, clock, state):
    brought_to(flow, state).jump_to()
    assert (flow.state, flow.next_step_name, flow.reason, flow.ended_at) == (State.READY, "second", None, None)
    assert flow.next_step_to_be_performed_at == clock.now()


def test_a_finished_journey_can_be_reopened_at_a_step_that_is_named(flow):
    flow.finish()
    with pytest.raises(InvalidState, match=r"it has no next step; use jump_to\(\) with the name of a step"):
        flow.jump_to()
    flow.jump_to("first")
    assert (flow.state, flow.ended_at) == (State.READY, None)


def test_finish_ends_it_whatever_would_follow(flow, clock):
    fence = flow.fence
    flow.pause("why go on")
    assert flow.finish() == Finished()
    assert (flow.state, flow.previous_step_name, flow.next_step_name) == (State.FINISHED, "first", None)
    assert (flow.next_step_to_be_performed_at, flow.ended_at, flow.fence) == (None, clock.now(), fence)
    assert flow.reason is None
