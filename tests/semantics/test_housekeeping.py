"""Recovery of the lost and deletion of the ended. SEMANTICS 11."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, models

from stepper_motor import State, step
from stepper_motor.django import Journey, motor
from stepper_motor.motor.housekeeping import Housekeeper, Housekept
from tests.django.conftest import NOON
from tests.django.holding import hold
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db

DAYS = timedelta(days=1)


class Brief(Journey[Customer]):
    delete_completed_after = 7 * DAYS

    @step
    def go(self): ...


class Kept(Journey[Customer]):
    delete_completed_after = None

    @step
    def go(self): ...


class HeirOfKept(Kept): ...


class SkipsIntoABrokenWait(Journey[Customer]):
    if_lost = "skip"

    @step
    def go(self): ...

    @step(wait=lambda journey: 1 / 0)
    def never(self): ...


@pytest.fixture
def small_batches(settings):
    settings.STEPPER_MOTOR = {"BATCH": 2}


@pytest.fixture
def troubles():
    """What the housekeeper reports."""
    told = []
    forget = motor().events.subscribe(lambda event: told.append(event) if event.name == "trouble" else None)
    yield told
    forget()


def keep():
    return Housekeeper(motor()).keep()


def ended(cls, how="finish", **given):
    journey = cls.start(**given)
    getattr(journey, how)()
    return journey


@pytest.mark.parametrize("how", ["finish", "cancel"])
def test_ended_journeys_are_deleted_after_thirty_days_with_their_history(clock, how):
    ended(Drip, how)
    clock.move(30 * DAYS - timedelta(microseconds=1))
    assert keep() == Housekept(0, 0, 0)
    clock.move(timedelta(microseconds=1))
    assert keep() == Housekept(recovered=0, deleted=1, failed=0)
    assert not Journey.objects.exists()
    assert not Journey.History.objects.exists()


def test_a_class_may_say_when_or_never(clock):
    brief, kept, heir = ended(Brief), ended(Kept), ended(HeirOfKept)
    clock.move(7 * DAYS)
    assert keep().deleted == 1
    clock.move(1000 * DAYS)
    assert keep().deleted == 0
    assert set(Journey.objects.all()) == {kept, heir}
    assert brief not in Journey.objects.all()


@pytest.mark.parametrize(("given", "deleted"), [(None, 0), (0, 1), (timedelta(days=2), 0)])
def test_so_may_the_settings(clock, settings, given, deleted):
    settings.STEPPER_MOTOR = {"DELETE_COMPLETED_AFTER": given}
    ended(Drip)
    assert keep().deleted == deleted


def test_what_goes_on_is_never_deleted(clock):
    Drip.start()
    Drip.start().pause()
    hold(Drip.start(), NOON + 10_000 * DAYS)
    clock.move(5000 * DAYS)
    assert keep() == Housekept(0, 0, 0)
    assert Drip.objects.count() == 3


def test_deletion_goes_by_the_end_and_not_by_what_came_later(clock):
    journey = ended(Drip)
    clock.move(29 * DAYS)
    journey.data["looked_at"] = True
    journey.save()
    clock.move(DAYS)
    assert keep().deleted == 1


def test_an_ended_journey_whose_step_still_runs_is_passed_over(clock):
    journey = ended(Drip, "cancel")
    hold(journey, NOON + 100 * DAYS, "canceled")
    clock.move(50 * DAYS)
    assert keep() == Housekept(0, 0, 0)
    clock.move(50 * DAYS)
    assert keep() == Housekept(recovered=1, deleted=1, failed=0)


def test_a_reopened_journey_is_not_deleted(clock):
    journey = ended(Drip)
    clock.move(31 * DAYS)
    journey.jump_to("welcome")
    assert keep().deleted == 0
    journey.finish()
    assert keep().deleted == 0


def test_rows_of_unknown_types_are_left_to_those_who_know_them(clock):
    lost, over = Drip.start(), ended(Drip)
    hold(lost, NOON)
    models.QuerySet.update(Journey._base_manager.all(), type="gone.Class")
    clock.move(1000 * DAYS)
    assert keep() == Housekept(0, 0, 0)
    assert Journey.objects.count() == 2
    assert over in Journey.objects.all()


def test_all_of_them_are_deleted_however_small_the_batches(clock, small_batches):
    for _ in range(7):
        ended(Drip)
    young = [ended(Kept), Drip.start()]
    clock.move(30 * DAYS)
    assert keep().deleted == 7
    assert set(Journey.objects.all()) == set(young)


def test_all_that_are_lost_are_recovered_however_small_the_batches(clock, small_batches):
    lost = [Drip.start() for _ in range(7)]
    for journey in lost:
        hold(journey, NOON)
    alive = Drip.start()
    hold(alive, NOON + DAYS)
    assert keep().recovered == 7
    assert set(Drip.objects.ready()) == set(lost)
    assert Drip.objects.performing().get() == alive


@pytest.mark.parametrize("state", ["performing", "paused", "canceled"])
def test_recovery_takes_every_held_row_whose_lease_is_over_whatever_its_state(clock, state):
    journey = Drip.start()
    hold(journey, NOON, state)
    assert keep().recovered == 1
    journey.refresh_from_db()
    assert journey.state == {"performing": "ready"}.get(state, state)
    assert (journey.performed_by, journey.lease_expires_at) == (None, None)
    assert [(entry.outcome, entry.by) for entry in journey.history.all()] == [("lost", "worker 1")]


def test_and_leaves_all_others_alone(clock):
    for how in ("pause", "cancel", "finish"):
        getattr(Drip.start(), how)()
    Drip.start()
    before = list(Journey.objects.order_by("pk").values())
    clock.move(20 * DAYS)
    assert keep() == Housekept(0, 0, 0)
    assert list(Journey.objects.order_by("pk").values()) == before


def test_one_that_leads_into_a_broken_wait_is_recovered_as_paused(clock):
    first, broken, last = Drip.start(), SkipsIntoABrokenWait.start(), Drip.start()
    for journey in (first, broken, last):
        hold(journey, NOON)
    assert keep() == Housekept(recovered=3, deleted=0, failed=0)
    broken.refresh_from_db()
    assert (broken.state, broken.next_step_name) == (State.PAUSED, "never")
    assert "ZeroDivisionError" in broken.reason


def test_every_table_is_kept(clock):
    payment = PaymentJourney.start(Payment.objects.create())
    hold(payment, NOON)
    hold(ThreeSteps.start(), NOON)
    ended(PaymentJourney)
    clock.move(30 * DAYS)
    assert keep() == Housekept(recovered=2, deleted=1, failed=0)


def test_a_command_does_it_for_those_who_have_no_worker(clock, capsys):
    hold(Drip.start(), NOON)
    ended(Drip)
    clock.move(30 * DAYS)
    call_command("stepper_motor", "housekeep")
    assert Drip.objects.get().state is State.READY
    assert "1" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_database_keeps_from_deletion_is_reported_once_and_does_not_stop_the_rest(
    clock, small_batches, troubles, referrer
):
    """An app's own table refers to it, and nobody told the database what then."""
    journeys = [ended(Drip) for _ in range(7)]
    for journey in (journeys[0], journeys[3]):
        referrer(journey)
    clock.move(30 * DAYS)
    housekeeper = Housekeeper(motor())
    assert housekeeper.keep() == Housekept(recovered=0, deleted=5, failed=2)
    assert set(Drip.objects.all()) == {journeys[0], journeys[3]}
    assert [event.journey_id for event in troubles] == [journeys[0].pk, journeys[3].pk]
    assert Journey.History.objects.count() == 2
    assert housekeeper.keep() == Housekept(recovered=0, deleted=0, failed=2)
    assert len(troubles) == 2


@pytest.fixture
def referrer(transactional_db):
    """A table of an app's that refers to journeys, as a foreign key with PROTECT does."""
    key = {"postgresql": "bigint", "mysql": "bigint", "sqlite": "integer"}[connection.vendor]
    deferred = "" if connection.vendor == "mysql" else " DEFERRABLE INITIALLY DEFERRED"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE shop_note (journey_id {key} NOT NULL, "
            f"FOREIGN KEY (journey_id) REFERENCES stepper_motor_journeys (id){deferred})"
        )
    yield lambda journey: execute(f"INSERT INTO shop_note VALUES ({journey.pk})")
    execute("DROP TABLE shop_note")


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
