"""Verbs that come too late, know no way, or are told something wrong. SEMANTICS 1 and 5."""

from datetime import timedelta

import pytest

from stepper_motor import InvalidState, State, step
from tests.home import NOON, Customer, Journey, found, only, put_all, start, statements, vendor
from tests.semantics.seen import entries_of, only_entry

pytestmark = pytest.mark.database


class Route(Journey[Customer]):
    @step
    def one(self): ...

    @step
    def two(self): ...

    @step(wait=lambda journey: timedelta(hours=journey.data["hours"]))
    def three(self): ...


@pytest.fixture
def route(clock, customer):
    return start(Route, customer)


def twice(route):
    """Two objects that saw the same row."""
    return route, found(route)


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to", "finish"])
def test_a_double_click_acts_once(route, verb):
    first, second = twice(route)
    first.skip()
    with pytest.raises(InvalidState, match=f"can't {verb} a journey that is ready: has moved on to two"):
        getattr(second, verb)()
    assert only(Route)._row == first._row


def test_a_double_click_on_the_last_step_as_well(route):
    put_all(Route, next_step_name="three")
    first, second = twice(only(Route))
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
    put_all(Route, next_step_name="three")
    ended, old = twice(only(Route))
    ended.finish()
    with pytest.raises(InvalidState, match="can't jump_to a journey that is finished: it has no next step"):
        old.jump_to()
    put_all(Route, next_step_name="two", state="canceled")
    old.jump_to()
    assert (old.state, old.next_step_name) == (State.READY, "two")


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to"])
def test_a_step_that_nobody_knows_leads_nowhere(route, verb):
    put_all(Route, next_step_name="removed")
    journey = only(Route)
    said = rf"can't {verb} .* 'removed' is not known to this code; use jump_to\(\) with the name of a step"
    with pytest.raises(InvalidState, match=said):
        getattr(journey, verb)()
    journey.jump_to("two")
    assert (journey.state, journey.next_step_name) == (State.READY, "two")


@pytest.mark.parametrize("verb", ["skip", "reattempt", "reschedule", "jump_to"])
def test_nor_does_none_at_all(route, verb):
    put_all(Route, next_step_name=None)
    with pytest.raises(InvalidState, match=rf"can't {verb} .* it has no next step; use jump_to\(\)"):
        getattr(only(Route), verb)()


@pytest.mark.parametrize("verb", ["pause", "cancel", "finish"])
def test_other_verbs_need_no_step_that_is_known(route, verb):
    put_all(Route, next_step_name="removed")
    getattr(only(Route), verb)()


def test_a_skip_into_a_broken_wait_raises_it_and_changes_nothing(route):
    route.skip()
    before = only(Route)._row
    with pytest.raises(KeyError, match="hours"):
        route.skip()
    route.data["hours"] = -1
    with pytest.raises(ValueError, match="negative"):
        route.skip()
    assert only(Route)._row == before
    assert len(entries_of(route)) == 1


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
    assert only(Route)._row == route._row == before
    assert not entries_of(route)


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
    found = only(Route)
    assert (found.reason, only_entry(found).reason) == (kept, kept)
    assert only_entry(found).by == kept[:20]


def test_by_is_whoever_it_was(route, customer):
    route.pause(by=customer)
    route.resume(by="x" * 300)
    assert [entry.by for entry in entries_of(route)] == ["Ada", "x" * 200]


def test_the_first_statement_of_a_verb_takes_the_rows_lock(route):
    """And only then it reads and decides."""
    with statements() as sent:
        route.pause()
    first = next(sql for sql in sent if "stepper_motor_journeys" in sql)
    locking = {"postgresql": "FOR NO KEY UPDATE", "mariadb": "FOR UPDATE", "sqlite": "UPDATE"}
    assert locking[vendor()] in first
    begins = "WHERE 1 = 0"  # SQLite has no other way to begin a transaction for real where the driver begins it late
    assert len([sql for sql in sent if "stepper_motor" in sql and begins not in sql]) <= 4
