"""The verbs on a queryset. SEMANTICS 1 and 5: bulk."""

from datetime import timedelta

import pytest
from django.db import models, transaction

from stepper_motor import Reattempt, State, StepperMotorError, step
from stepper_motor.django import Journey
from stepper_motor.motor.verbs import BulkResult
from tests.django.conftest import NOON
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db

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
    return [Letters.start(Customer.objects.create(name=str(n)), data={"hours": 3}) for n in range(5)]


@pytest.fixture
def small_batches(settings):
    settings.STEPPER_MOTOR = {"BATCH": 2}


def states():
    return list(Letters.objects.order_by("pk").values_list("state", flat=True))


def test_each_verb_changes_those_whose_state_allows_it_and_passes_over_the_others(letters):
    letters[0].cancel()
    letters[1].pause()
    assert Letters.objects.all().pause("a break") == BulkResult(changed=3, passed_over=2, failed=0)
    assert states() == ["canceled"] + ["paused"] * 4
    assert Letters.objects.all().resume() == (4, 1, 0)
    assert Letters.objects.all().reattempt(60) == (4, 1, 0)
    assert Letters.objects.all().reschedule(at=NOON + HOUR) == (4, 1, 0)
    assert Letters.objects.all().jump_to("second") == (5, 0, 0)
    assert Letters.objects.all().finish() == (5, 0, 0)
    assert Letters.objects.all().cancel() == (0, 5, 0)
    assert states() == ["finished"] * 5


def test_the_history_tells_who_and_why(letters):
    Letters.objects.all().cancel("the campaign is over", by="Ada")
    for journey in Letters.objects.all():
        entry = journey.history.get()
        assert (journey.reason, entry.reason, entry.by) == ("the campaign is over", "the campaign is over", "Ada")
        assert (entry.outcome, entry.state, entry.step_name, entry.attempt) == ("canceled", "canceled", "first", None)


def test_only_those_that_are_meant_change(letters):
    Letters.objects.for_hero(letters[2].hero).cancel()
    Letters.objects.filter(hero_id__in=[letters[0].hero_id, letters[1].hero_id]).pause()
    assert states() == ["paused", "paused", "canceled", "ready", "ready"]


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (lambda all: all.order_by("-pk"), 5),
        (lambda all: all.reverse(), 5),
        (lambda all: all.order_by("-pk")[1:3], 2),
        (lambda all: all.ready()[:4], 4),
        (lambda all: all.distinct(), 5),
        (lambda all: all.filter(state="ready").union(all.filter(state="paused")), 5),
        (lambda all: all.only("state"), 5),
        (lambda all: Journey.objects.all(), 5),
        (lambda all: all.none(), 0),
    ],
)
def test_however_they_are_chosen(letters, chosen, count):
    assert chosen(Letters.objects.all()).pause() == (count, 0, 0)
    assert Letters.objects.paused().count() == count


def test_a_journey_that_a_join_gives_twice_is_changed_once(letters):
    for _ in range(2):
        letters[0].reattempt()
    found = Letters.objects.filter(history__outcome="reattempted")
    assert found.count() == 2
    assert found.cancel() == (1, 0, 0)


def test_journeys_of_several_classes_and_of_a_table_of_its_own():
    Letters.start()
    OtherLetters.start()
    Cards.start()
    PaymentJourney.start(Payment.objects.create())
    assert Letters.objects.all().pause() == (2, 0, 0)
    assert Journey.objects.all().pause() == (1, 2, 0)
    assert PaymentJourney.objects.all().pause() == (1, 0, 0)


def test_skip_is_for_one_step_and_passes_over_those_at_another(letters, clock):
    letters[0].jump_to("second")
    assert Letters.objects.all().skip(step="first") == (4, 1, 0)
    assert set(Letters.objects.values_list("next_step_name", flat=True)) == {"second"}
    assert letters[1].next_step_name == "first"  # an object that nobody refreshed


def test_skip_knows_former_names(letters):
    models.QuerySet.update(Letters._base_manager.filter(pk=letters[0].pk), next_step_name="last")
    assert Letters.objects.all().skip(step="third") == (1, 4, 0)
    assert states() == ["finished"] + ["ready"] * 4


def test_skip_needs_a_step(letters):
    with pytest.raises(TypeError, match="step"):
        Letters.objects.all().skip()


def test_those_that_move_on_before_their_turn_are_passed_over(letters, small_batches):
    """The batch is read again when its turn comes: nobody skips a step that nobody named."""

    def move_on(done):
        Letters.objects.filter(pk__gte=letters[2].pk, next_step_name="first").skip(step="first")

    assert Letters.objects.all().skip(step="first", progress=move_on) == (2, 3, 0)
    assert set(Letters.objects.values_list("next_step_name", flat=True)) == {"second"}


def test_those_that_are_gone_when_their_turn_comes_have_failed(letters, small_batches):
    result = Letters.objects.all().cancel(progress=lambda done: Letters.objects.filter(pk=letters[4].pk).delete())
    assert result == (4, 0, 1)


def test_one_whose_wait_raises_has_failed_and_the_others_go_on(letters):
    Letters.objects.filter(pk__in=[letters[1].pk, letters[3].pk]).update(data={})
    Letters.objects.all().jump_to("second")
    assert Letters.objects.all().skip(step="second") == BulkResult(changed=3, passed_over=0, failed=2)
    assert list(Letters.objects.filter(next_step_name="second").order_by("pk")) == [letters[1], letters[3]]


def test_one_whose_place_is_taken_has_failed_and_the_others_go_on(letters):
    Letters.objects.all().cancel()
    Letters.start(letters[1].hero)
    Letters.start(letters[4].hero)
    assert Letters.objects.canceled().jump_to("first") == BulkResult(changed=3, passed_over=0, failed=2)
    assert states() == ["ready", "canceled", "ready", "ready", "canceled", "ready", "ready"]


def test_progress_is_told_after_each_batch(letters, small_batches):
    told = []
    letters[0].cancel()
    Letters.objects.all().cancel(progress=told.append)
    assert told == [(1, 1, 0), (3, 1, 0), (4, 1, 0)]


@pytest.mark.django_db(transaction=True)
def test_each_batch_is_a_commit_of_its_own(letters, small_batches):
    def stop(done):
        if done.changed == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Letters.objects.all().cancel(progress=stop)
    assert states() == ["canceled"] * 4 + ["ready"]


@pytest.mark.django_db(transaction=True)
def test_in_the_callers_transaction_all_of_it_is_rolled_back_with_it(letters, small_batches):
    with transaction.atomic():
        Letters.objects.all().cancel()
        transaction.set_rollback(True)
    assert states() == ["ready"] * 5


def test_a_spread_resume_lays_the_overdue_apart_and_leaves_those_that_are_ahead(letters, clock):
    letters[4].reschedule(at=NOON + 100 * HOUR)
    Letters.objects.all().pause()
    clock.move(10 * HOUR)
    Letters.objects.all().resume(spread=5 * HOUR)
    assert due_times() == [NOON + 10 * HOUR, NOON + 11 * HOUR, NOON + 12 * HOUR, NOON + 13 * HOUR, NOON + 100 * HOUR]


def test_a_spread_reattempt_lays_the_due_times_apart_after_its_wait(letters):
    Letters.objects.all().reattempt(HOUR, spread=5 * HOUR)
    assert due_times() == [NOON + n * HOUR for n in (1, 2, 3, 4, 5)]
    Letters.objects.all().reattempt(at=NOON + 10 * HOUR, spread=5 * HOUR)
    assert due_times() == [NOON + n * HOUR for n in (10, 11, 12, 13, 14)]
    Letters.objects.all().reattempt(Reattempt(wait=HOUR, jitter=0), spread=5 * HOUR)
    assert due_times() == [NOON + n * HOUR for n in (1, 2, 3, 4, 5)]


def due_times():
    return list(Letters.objects.order_by("pk").values_list("next_step_to_be_performed_at", flat=True))


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
        verb(Letters.objects.all())
    assert states() == ["ready"] * 5
    assert not Letters.History.objects.exists()


def test_the_engines_columns_can_not_be_updated(letters):
    with pytest.raises(StepperMotorError, match="state: the engine's columns can't be updated; use the bulk verbs"):
        Letters.objects.update(state="canceled")
    letters[0].state = State.CANCELED
    with pytest.raises(StepperMotorError, match="bulk verbs"), transaction.atomic():
        Letters.objects.bulk_update(letters, ["state"])
    assert Letters.objects.update(data={"hours": 4}) == 5
    assert states() == ["ready"] * 5


def test_skip_passes_over_the_step_of_another_class_that_bears_the_former_name():
    class Renamed(Journey[Customer]):
        @step(formerly="call")
        def write(self): ...

    class StillCalls(Journey[Customer]):
        @step
        def call(self): ...

    renamed, still = Renamed.start(), StillCalls.start()
    Journey.objects.filter(pk__in=[renamed.pk, still.pk]).skip(step="write")
    assert Renamed.objects.get(pk=renamed.pk).state == "finished"
    assert StillCalls.objects.get(pk=still.pk).next_step_name == "call"
    assert StillCalls.objects.get(pk=still.pk).state == "ready"
