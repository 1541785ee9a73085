"""What verbs from outside do while a step runs. SEMANTICS 5: never two performances of one journey at once."""

from datetime import timedelta

import pytest

from stepper_motor import InvalidState, State, step
from stepper_motor.django import Journey
from tests.django.conftest import NOON
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


class Ship(Journey[Customer]):
    """While its step runs, somebody else does something to it; then the step ends in one way or another."""

    meanwhile = staticmethod(lambda another: None)
    end = staticmethod(lambda journey: None)

    @step
    def load(self): ...

    @step
    def sail(self):
        type(self).meanwhile(Ship.objects.get(pk=self.pk))
        return type(self).end(self)

    @step(wait=HOUR)
    def unload(self): ...


@pytest.fixture
def ship(clock, customer):
    journey = Ship.start(customer)
    journey.perform_next_step()
    return journey


def sail(ship, monkeypatch, meanwhile, end=lambda journey: None):
    """The ship after its step ran, and how it was while it ran, after others had meddled."""
    seen = []

    def meddle(another):
        meanwhile(another)
        seen.append(Ship.objects.get(pk=another.pk)._row)

    monkeypatch.setattr(Ship, "meanwhile", staticmethod(meddle))
    monkeypatch.setattr(Ship, "end", staticmethod(end))
    try:
        ship.perform_next_step()
    except OSError:
        ship.refresh_from_db()
    return ship, seen[0]


def fail(journey):
    raise OSError("a leak")


def cancel(another):
    another.cancel("a storm")


def pause(another):
    another.pause("a storm")


ENDS = {
    "normally": lambda journey: None,
    "by skip": lambda journey: journey.skip(),
    "by finish": lambda journey: journey.finish(),
    "by reattempt": lambda journey: journey.reattempt(HOUR),
    "by jump": lambda journey: journey.jump_to("load"),
    "by pause": lambda journey: journey.pause("the body's"),
    "by cancel": lambda journey: journey.cancel("the body's"),
    "by an exception": fail,
}


@pytest.mark.parametrize("end", ENDS)
def test_cancel_ends_it_at_once_and_nothing_the_body_does_changes_that(ship, monkeypatch, end):
    before = ship._row
    after, during = sail(ship, monkeypatch, cancel, ENDS[end])
    assert (during.state, during.performed_by is not None) == (State.CANCELED, True)
    assert (after.state, after.reason, after.ended_at, after.performed_by) == ("canceled", "a storm", NOON, None)
    assert (after.fence, after.next_step_to_be_performed_at) == (before.fence, before.next_step_to_be_performed_at)
    assert after.steps_entered == before.steps_entered + 1
    assert (after.attempts, after.failures, after.losses, after.round) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("end", "previous", "next", "completed"),
    [
        ("normally", "sail", "unload", 2),
        ("by skip", "sail", "unload", 1),
        ("by finish", "sail", None, 2),
        ("by reattempt", "load", "sail", 1),
        ("by jump", "load", "sail", 1),
        ("by pause", "load", "sail", 1),
        ("by cancel", "load", "sail", 1),
        ("by an exception", "load", "sail", 1),
    ],
)
def test_a_canceled_journey_tells_truthfully_how_far_it_came(ship, monkeypatch, end, previous, next, completed):
    after, _ = sail(ship, monkeypatch, cancel, ENDS[end])
    assert (after.previous_step_name, after.next_step_name, after.steps_completed) == (previous, next, completed)


@pytest.mark.parametrize(
    ("end", "state", "reason", "next", "due"),
    [
        ("normally", "paused", "a storm", "unload", NOON + HOUR),
        ("by skip", "paused", "a storm", "unload", NOON + HOUR),
        ("by finish", "finished", None, None, None),
        ("by reattempt", "paused", "a storm", "sail", NOON + HOUR),
        ("by jump", "paused", "a storm", "load", NOON),
        ("by pause", "paused", "the body's", "sail", NOON),
        ("by cancel", "canceled", "the body's", "sail", NOON),
        ("by an exception", "paused", "OSError: a leak", "sail", NOON),
    ],
)
def test_pause_lets_the_step_end_and_only_a_resulting_ready_becomes_paused(
    ship, monkeypatch, end, state, reason, next, due
):
    after, during = sail(ship, monkeypatch, pause, ENDS[end])
    assert (during.state, during.reason, during.performed_by is not None) == (State.PAUSED, "a storm", True)
    assert (after.state, after.reason, after.next_step_name) == (state, reason, next)
    assert (after.next_step_to_be_performed_at, after.performed_by) == (due, None)


def test_resume_leads_back_to_performing_with_the_fence_unchanged(ship, monkeypatch):
    before = ship._row

    def pause_and_resume(another):
        another.pause("a storm")
        assert another.resume(by="Ada") is not None

    after, during = sail(ship, monkeypatch, pause_and_resume)
    assert (during.state, during.fence, during.reason) == (State.PERFORMING, before.fence, None)
    assert (after.state, after.next_step_name) == (State.READY, "unload")


def test_and_renews_the_budget_of_failures(ship, monkeypatch):
    sail(ship, monkeypatch, lambda another: None, fail)
    assert (ship.attempts, ship.failures) == (1, 1)
    ship.resume()
    sail(ship, monkeypatch, lambda another: None, fail)
    assert (ship.attempts, ship.failures) == (2, 1)
    ship.reattempt()
    after, _ = sail(ship, monkeypatch, lambda another: (another.pause(), another.resume()), fail)
    assert (after.attempts, after.failures) == (3, 1)


@pytest.mark.parametrize("state", [State.PERFORMING, State.PAUSED, State.CANCELED])
@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to", "finish"])
def test_while_the_lease_lives_the_other_verbs_are_refused(ship, monkeypatch, verb, state):
    def meddle(another):
        if state is not State.PERFORMING:
            (pause if state is State.PAUSED else cancel)(another)
        with pytest.raises(InvalidState, match=f"can't {verb} a journey that is {state}: its step is still running"):
            getattr(another, verb)()

    after, during = sail(ship, monkeypatch, meddle)
    assert during.state is state
    assert after.next_step_name == "unload"


def test_the_history_tells_of_both(ship, monkeypatch):
    sail(ship, monkeypatch, lambda another: another.cancel("a storm", by="Ada"))
    told = [(entry.step_name, entry.outcome, entry.state, entry.by == "Ada") for entry in ship.history.all()[1:]]
    assert told == [("sail", "canceled", "canceled", True), ("sail", "completed", "canceled", False)]


@pytest.mark.parametrize("verb", ["resume", "reschedule"])
def test_resume_and_reschedule_are_for_outside(ship, monkeypatch, verb):
    def call(journey):
        with pytest.raises(InvalidState, match=f"can't {verb} a journey that is performing: its step is running"):
            getattr(journey, verb)()

    after, _ = sail(ship, monkeypatch, lambda another: None, call)
    assert after.next_step_name == "unload"
