"""Verbs that come too late, know no way, or are told something wrong. SEMANTICS 1 and 5."""

from datetime import timedelta

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from stepper_motor import InvalidState, State, step
from stepper_motor.django import Journey
from tests.django.conftest import NOON
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db


class Route(Journey[Customer]):
    @step
    def one(self): ...

    @step
    def two(self): ...

    @step(wait=lambda journey: timedelta(hours=journey.data["hours"]))
    def three(self): ...


@pytest.fixture
def route(clock, customer):
    return Route.start(customer)


def twice(route):
    """Two objects that saw the same row."""
    return route, Route.objects.get(pk=route.pk)


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to", "finish"])
def test_a_double_click_acts_once(route, verb):
    first, second = twice(route)
    first.skip()
    with pytest.raises(InvalidState, match=f"can't {verb} a journey that is ready: has moved on to two"):
        getattr(second, verb)()
    assert Route.objects.get()._row == first._row


def test_a_double_click_on_the_last_step_as_well(route):
    models.QuerySet.update(Route._base_manager.all(), next_step_name="three")
    first, second = twice(Route.objects.get())
    first.skip()
    with pytest.raises(InvalidState, match="can't skip a journey that is finished"):
        second.skip()


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("cancel", "canceled")])
def test_pause_cancel_and_resume_look_at_the_state_alone(route, verb, state):
    first, second = twice(route)
    first.skip()
    getattr(second, verb)()
    assert (second.state, second.next_step_name) == (state, "two")
    if verb == "pause":
        first.resume()
        assert first.state is State.READY


def test_where_it_stopped_is_where_the_row_says_not_the_object(route):
    """An end leaves the fence as it is, so an old object still has it."""
    models.QuerySet.update(Route._base_manager.all(), next_step_name="three")
    ended, old = twice(Route.objects.get())
    ended.finish()
    with pytest.raises(InvalidState, match="can't jump_to a journey that is finished: it has no next step"):
        old.jump_to()
    models.QuerySet.update(Route._base_manager.all(), next_step_name="two", state="canceled")
    old.jump_to()
    assert (old.state, old.next_step_name) == (State.READY, "two")


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to"])
def test_a_step_that_nobody_knows_leads_nowhere(route, verb):
    models.QuerySet.update(Route._base_manager.all(), next_step_name="removed")
    journey = Route.objects.get()
    said = rf"can't {verb} .* 'removed' is not known to this code; use jump_to\(\) with the name of a step"
    with pytest.raises(InvalidState, match=said):
        getattr(journey, verb)()
    journey.jump_to("two")
    assert (journey.state, journey.next_step_name) == (State.READY, "two")


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to"])
def test_nor_does_none_at_all(route, verb):
    models.QuerySet.update(Route._base_manager.all(), next_step_name=None)
    with pytest.raises(InvalidState, match=rf"can't {verb} .* it has no next step; use jump_to\(\)"):
        getattr(Route.objects.get(), verb)()


@pytest.mark.parametrize("verb", ["pause", "cancel", "finish"])
def test_other_verbs_need_no_step_that_is_known(route, verb):
    models.QuerySet.update(Route._base_manager.all(), next_step_name="removed")
    getattr(Route.objects.get(), verb)()


def test_a_skip_into_a_broken_wait_raises_it_and_changes_nothing(route):
    route.skip()
    before = Route.objects.get()._row
    with pytest.raises(KeyError, match="hours"):
        route.skip()
    route.data["hours"] = -1
    with pytest.raises(ValueError, match="negative"):
        route.skip()
    assert Route.objects.get()._row == before
    assert route.history.count() == 1


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (lambda journey: journey.reattempt(-1), "negative"),
        (lambda journey: journey.reattempt(timedelta(seconds=-1)), "negative"),
        (lambda journey: journey.reattempt(float("nan")), "nan"),
        (lambda journey: journey.reattempt(1e300), "out of range"),
        (lambda journey: journey.reattempt(timedelta.max), "year 9999"),
        (lambda journey: journey.reattempt(60, at=NOON), "not both"),
        (lambda journey: journey.reattempt(at=NOON.replace(tzinfo=None)), "aware"),
        (lambda journey: journey.reattempt(at=60), "aware"),
        (lambda journey: journey.reschedule(NOON.replace(tzinfo=None)), "aware"),
        (lambda journey: journey.jump_to("four"), "Route has no step 'four'; it has one, two, three"),
        (lambda journey: journey.jump_to("two", -1), "negative"),
        (lambda journey: journey.jump_to("two", 60, at=NOON), "not both"),
    ],
)
def test_a_wrong_argument_is_a_value_error_and_changes_nothing(route, verb, said):
    before = route._row
    with pytest.raises(ValueError, match=said):
        verb(route)
    assert Route.objects.get()._row == route._row == before
    assert not route.history.exists()


@pytest.mark.parametrize("wait", ["60", True, object()])
def test_what_is_no_duration_is_a_type_error(route, wait):
    with pytest.raises(TypeError, match="a timedelta or a number of seconds"):
        route.reattempt(wait)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a \0 in it", "a \ufffd in it"),
        ("half a \ud83d smile", "half a \ufffd smile"),
        ("a whole \U0001f600 smile", "a whole \U0001f600 smile"),
        ("x" * 600, "x" * 499 + "…"),
        ("", ""),
    ],
)
def test_reasons_are_texts_of_people_and_every_database_keeps_them(route, given, kept):
    route.cancel(given, by=given[:20])
    found = Route.objects.get()
    assert (found.reason, found.history.get().reason) == (kept, kept)
    assert found.history.get().by == kept[:20]


def test_by_is_whoever_it_was(route, customer):
    route.pause(by=customer)
    route.resume(by="x" * 300)
    assert [entry.by for entry in route.history.all()] == ["Ada", "x" * 200]


def test_the_first_statement_of_a_verb_takes_the_rows_lock(route):
    """And only then it reads and decides."""
    with CaptureQueriesContext(connection) as statements:
        route.pause()
    first = next(each["sql"] for each in statements if "stepper_motor_journeys" in each["sql"])
    locking = {"postgresql": "FOR NO KEY UPDATE", "mysql": "FOR UPDATE", "sqlite": "UPDATE"}
    assert locking[connection.vendor] in first
    assert len([each for each in statements if "stepper_motor" in each["sql"]]) <= 4
