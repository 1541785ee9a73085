"""The verbs on a queryset. SEMANTICS 1 and 5: bulk."""

from datetime import timedelta

import pytest

from stepper_motor import Reattempt, step
from stepper_motor.motor.verbs import BulkResult
from tests.home import (
    NOON,
    Customer,
    Journey,
    Payment,
    PaymentJourney,
    among,
    configured,
    count,
    create,
    delete,
    found,
    joined,
    none_of,
    put,
    put_behind,
    rolled_back,
    start,
    these,
)
from tests.semantics.seen import only_entry

pytestmark = pytest.mark.database

HOUR = timedelta(hours=1)


class Letters(Journey[Customer]):
    @step
    def first(self): ...

    @step(wait=2 * HOUR)
    def second(self): ...

    @step(formerly=("last",), wait=lambda journey: timedelta(hours=journey.data["hours"]))
    def third(self): ...


class OtherLetters(Letters): ...


class Cards(Journey[Customer]):
    @step
    def card(self): ...


@pytest.fixture
def letters(clock):
    return [start(Letters, create(Customer, name=str(n)), data={"hours": 3}) for n in range(5)]


@pytest.fixture
def small_batches():
    with configured(batch=2):
        yield


def states():
    return [journey.state for journey in these(Letters).order_by("id")]


def test_each_verb_changes_those_whose_state_allows_it_and_passes_over_the_others(letters):
    letters[0].cancel()
    letters[1].pause()
    assert these(Letters).pause("a break") == BulkResult(changed=3, passed_over=2, failed=0)
    assert states() == ["canceled"] + ["paused"] * 4
    assert these(Letters).resume() == (4, 1, 0)
    assert these(Letters).reattempt(60) == (4, 1, 0)
    assert these(Letters).reschedule(at=NOON + HOUR) == (4, 1, 0)
    assert these(Letters).jump_to("second") == (5, 0, 0)
    assert these(Letters).finish() == (5, 0, 0)
    assert these(Letters).cancel() == (0, 5, 0)
    assert states() == ["finished"] * 5


def test_the_history_tells_who_and_why(letters):
    these(Letters).cancel("the campaign is over", by="Ada")
    for journey in these(Letters):
        entry = only_entry(journey)
        assert (journey.reason, entry.reason, entry.by) == ("the campaign is over", "the campaign is over", "Ada")
        assert (entry.outcome, entry.state, entry.step_name, entry.attempt) == ("canceled", "canceled", "first", None)


def test_only_those_that_are_meant_change(letters):
    these(Letters).for_hero(letters[2].hero).cancel()
    among(Letters, letters[:2]).pause()
    assert states() == ["paused", "paused", "canceled", "ready", "ready"]


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (lambda: these(Letters).order_by("-id"), 5),
        (lambda: these(Letters).order_by("-id")[1:3], 2),
        (lambda: these(Letters).ready()[:4], 4),
        (lambda: these(Journey), 5),
        (lambda: none_of(Letters), 0),
    ],
)
def test_however_they_are_chosen(letters, chosen, count):
    assert chosen().pause() == (count, 0, 0)
    assert these(Letters).paused().count() == count


def test_a_journey_that_a_join_gives_twice_is_changed_once(letters):
    for _ in range(2):
        letters[0].reattempt()
    assert joined(Letters).cancel() == (1, 0, 0)


def test_journeys_of_several_classes_and_of_a_table_of_its_own():
    start(Letters)
    start(OtherLetters)
    start(Cards)
    start(PaymentJourney, create(Payment))
    assert these(Letters).pause() == (2, 0, 0)
    assert these(Journey).pause() == (1, 2, 0)
    assert these(PaymentJourney).pause() == (1, 0, 0)


def test_skip_is_for_one_step_and_passes_over_those_at_another(letters, clock):
    letters[0].jump_to("second")
    assert these(Letters).skip(step="first") == (4, 1, 0)
    assert {journey.next_step_name for journey in these(Letters)} == {"second"}


def test_skip_knows_former_names(letters):
    put_behind(letters[0], next_step_name="last")
    assert these(Letters).skip(step="third") == (1, 4, 0)
    assert states() == ["finished"] + ["ready"] * 4


def test_skip_needs_a_step(letters):
    with pytest.raises(TypeError, match="step"):
        these(Letters).skip()


def test_those_that_move_on_before_their_turn_are_passed_over(letters, small_batches):
    """The batch is read again when its turn comes: nobody skips a step that nobody named."""

    def move_on(done):
        among(Letters, letters[2:]).ready().skip(step="first")

    assert these(Letters).skip(step="first", progress=move_on) == (2, 3, 0)
    assert {journey.next_step_name for journey in these(Letters)} == {"second"}


def test_those_that_are_gone_when_their_turn_comes_have_failed(letters, small_batches):
    result = these(Letters).cancel(progress=lambda done: count(Letters, id=letters[4].id) and delete(found(letters[4])))
    assert result == (4, 0, 1)


def test_one_whose_wait_raises_has_failed_and_the_others_go_on(letters):
    for journey in (letters[1], letters[3]):
        put(journey, data={})
    these(Letters).jump_to("second")
    assert these(Letters).skip(step="second") == BulkResult(changed=3, passed_over=0, failed=2)
    assert list(these(Letters, next_step_name="second").order_by("id")) == [letters[1], letters[3]]


def test_one_whose_place_is_taken_has_failed_and_the_others_go_on(letters):
    these(Letters).cancel()
    start(Letters, letters[1].hero)
    start(Letters, letters[4].hero)
    assert these(Letters).canceled().jump_to("first") == BulkResult(changed=3, passed_over=0, failed=2)
    assert states() == ["ready", "canceled", "ready", "ready", "canceled", "ready", "ready"]


def test_progress_is_told_after_each_batch(letters, small_batches):
    told = []
    letters[0].cancel()
    these(Letters).cancel(progress=told.append)
    assert told == [(1, 1, 0), (3, 1, 0), (4, 1, 0)]


@pytest.mark.database(transaction=True)
def test_each_batch_is_a_commit_of_its_own(letters, small_batches):
    def stop(done):
        if done.changed == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        these(Letters).cancel(progress=stop)
    assert states() == ["canceled"] * 4 + ["ready"]


@pytest.mark.database(transaction=True)
def test_in_the_callers_transaction_all_of_it_is_rolled_back_with_it(letters, small_batches):
    with rolled_back():
        these(Letters).cancel()
    assert states() == ["ready"] * 5


def test_a_spread_resume_lays_the_overdue_apart_and_leaves_those_that_are_ahead(letters, clock):
    letters[4].reschedule(at=NOON + 100 * HOUR)
    these(Letters).pause()
    clock.move(10 * HOUR)
    these(Letters).resume(spread=5 * HOUR)
    assert due_times() == [NOON + 10 * HOUR, NOON + 11 * HOUR, NOON + 12 * HOUR, NOON + 13 * HOUR, NOON + 100 * HOUR]


def test_a_spread_reattempt_lays_the_due_times_apart_after_its_wait(letters):
    these(Letters).reattempt(HOUR, spread=5 * HOUR)
    assert due_times() == [NOON + n * HOUR for n in (1, 2, 3, 4, 5)]
    these(Letters).reattempt(at=NOON + 10 * HOUR, spread=5 * HOUR)
    assert due_times() == [NOON + n * HOUR for n in (10, 11, 12, 13, 14)]
    these(Letters).reattempt(Reattempt(wait=HOUR, jitter=0), spread=5 * HOUR)
    assert due_times() == [NOON + n * HOUR for n in (1, 2, 3, 4, 5)]


def due_times():
    return [journey.next_step_to_be_performed_at for journey in these(Letters).order_by("id")]


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (lambda all: all.reattempt(-1), "negative"),
        (lambda all: all.reattempt(60, at=NOON), "not both"),
        (lambda all: all.reattempt(spread=-1), "negative"),
        (lambda all: all.resume(spread=-1), "negative"),
        (lambda all: all.reschedule(at=NOON.replace(tzinfo=None)), "aware"),
        (lambda all: all.jump_to("fourth"), "no Letters that this code knows has a step 'fourth'"),
        (lambda all: all.skip(step="fourth"), "no Letters that this code knows has a step 'fourth'"),
    ],
)
def test_a_wrong_argument_is_a_value_error_and_changes_nothing(letters, verb, said):
    with pytest.raises(ValueError, match=said):
        verb(these(Letters))
    assert states() == ["ready"] * 5
    assert not count(Letters.History)


def test_skip_passes_over_the_step_of_another_class_that_bears_the_former_name():
    class Renamed(Journey[Customer]):
        @step(formerly="call")
        def write(self): ...

    class StillCalls(Journey[Customer]):
        @step
        def call(self): ...

    renamed, still = start(Renamed), start(StillCalls)
    among(Journey, [renamed, still]).skip(step="write")
    assert found(renamed).state == "finished"
    assert found(still).next_step_name == "call"
    assert found(still).state == "ready"
