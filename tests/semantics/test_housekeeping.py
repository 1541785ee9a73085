"""Recovery of the lost and deletion of the ended. SEMANTICS 11."""

from datetime import timedelta

import pytest

from stepper_motor import State, step
from stepper_motor.motor.housekeeping import Housekeeper, Housekept
from tests.home import (
    NOON,
    Customer,
    Drip,
    Journey,
    Payment,
    PaymentJourney,
    ThreeSteps,
    columns_of,
    configured,
    count,
    create,
    execute,
    motor,
    put_all,
    reload,
    save,
    start,
    these,
    vendor,
)
from tests.semantics.holding import hold
from tests.semantics.seen import entries_of

pytestmark = pytest.mark.database

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
def small_batches():
    with configured(batch=2):
        yield


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
    journey = start(cls, **given)
    getattr(journey, how)()
    return journey


@pytest.mark.parametrize("how", ["finish", "cancel"])
def test_ended_journeys_are_deleted_after_thirty_days_with_their_history(clock, how):
    ended(Drip, how)
    clock.move(30 * DAYS - timedelta(microseconds=1))
    assert keep() == Housekept(0, 0, 0)
    clock.move(timedelta(microseconds=1))
    assert keep() == Housekept(recovered=0, deleted=1, failed=0)
    assert not count(Journey)
    assert not count(Journey.History)


def test_a_class_may_say_when_or_never(clock):
    brief, kept, heir = ended(Brief), ended(Kept), ended(HeirOfKept)
    clock.move(7 * DAYS)
    assert keep().deleted == 1
    clock.move(1000 * DAYS)
    assert keep().deleted == 0
    assert set(these(Journey)) == {kept, heir}
    assert brief not in these(Journey)


@pytest.mark.parametrize(("given", "deleted"), [(None, 0), (0, 1), (timedelta(days=2), 0)])
def test_so_may_the_settings(clock, given, deleted):
    ended(Drip)
    with configured(delete_completed_after=given):
        assert keep().deleted == deleted


def test_what_goes_on_is_never_deleted(clock):
    start(Drip)
    start(Drip).pause()
    hold(start(Drip), NOON + 10_000 * DAYS)
    clock.move(5000 * DAYS)
    assert keep() == Housekept(0, 0, 0)
    assert count(Drip) == 3


def test_deletion_goes_by_the_end_and_not_by_what_came_later(clock):
    journey = ended(Drip)
    clock.move(29 * DAYS)
    journey.data["looked_at"] = True
    save(journey)
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
    lost, over = start(Drip), ended(Drip)
    hold(lost, NOON)
    put_all(Journey, type="gone.Class")
    clock.move(1000 * DAYS)
    assert keep() == Housekept(0, 0, 0)
    assert count(Journey) == 2
    assert over in these(Journey)


def test_all_of_them_are_deleted_however_small_the_batches(clock, small_batches):
    for _ in range(7):
        ended(Drip)
    young = [ended(Kept), start(Drip)]
    clock.move(30 * DAYS)
    assert keep().deleted == 7
    assert set(these(Journey)) == set(young)


def test_all_that_are_lost_are_recovered_however_small_the_batches(clock, small_batches):
    lost = [start(Drip) for _ in range(7)]
    for journey in lost:
        hold(journey, NOON)
    alive = start(Drip)
    hold(alive, NOON + DAYS)
    assert keep().recovered == 7
    assert set(these(Drip).ready()) == set(lost)
    assert these(Drip).performing().get() == alive


@pytest.mark.parametrize("state", ["performing", "paused", "canceled"])
def test_recovery_takes_every_held_row_whose_lease_is_over_whatever_its_state(clock, state):
    journey = start(Drip)
    hold(journey, NOON, state)
    assert keep().recovered == 1
    reload(journey)
    assert journey.state == {"performing": "ready"}.get(state, state)
    assert (journey.performed_by, journey.lease_expires_at) == (None, None)
    assert [(entry.outcome, entry.by) for entry in entries_of(journey)] == [("lost", "worker 1")]


def test_and_leaves_all_others_alone(clock):
    for how in ("pause", "cancel", "finish"):
        getattr(start(Drip), how)()
    start(Drip)
    before = [columns_of(journey) for journey in these(Journey).order_by("id")]
    clock.move(20 * DAYS)
    assert keep() == Housekept(0, 0, 0)
    assert [columns_of(journey) for journey in these(Journey).order_by("id")] == before


def test_one_that_leads_into_a_broken_wait_is_recovered_as_paused(clock):
    first, broken, last = start(Drip), start(SkipsIntoABrokenWait), start(Drip)
    for journey in (first, broken, last):
        hold(journey, NOON)
    assert keep() == Housekept(recovered=3, deleted=0, failed=0)
    reload(broken)
    assert (broken.state, broken.next_step_name) == (State.PAUSED, "never")
    assert "ZeroDivisionError" in broken.reason


def test_every_table_is_kept(clock):
    payment = start(PaymentJourney, create(Payment))
    hold(payment, NOON)
    hold(start(ThreeSteps), NOON)
    ended(PaymentJourney)
    clock.move(30 * DAYS)
    assert keep() == Housekept(recovered=2, deleted=1, failed=0)


@pytest.mark.database(transaction=True)
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
    assert set(these(Drip)) == {journeys[0], journeys[3]}
    assert [event.journey_id for event in troubles] == [journeys[0].id, journeys[3].id]
    assert count(Journey.History) == 2
    assert housekeeper.keep() == Housekept(recovered=0, deleted=0, failed=2)
    assert len(troubles) == 2


@pytest.fixture
def referrer():
    """A table of an app's that refers to journeys, as a foreign key with PROTECT does."""
    key = {"postgresql": "bigint", "mariadb": "bigint", "sqlite": "integer"}[vendor()]
    deferred = "" if vendor() == "mariadb" else " DEFERRABLE INITIALLY DEFERRED"
    execute(
        f"CREATE TABLE shop_note (journey_id {key} NOT NULL, "
        f"FOREIGN KEY (journey_id) REFERENCES stepper_motor_journeys (id){deferred})"
    )
    yield lambda journey: execute(f"INSERT INTO shop_note VALUES ({journey.id})")
    execute("DROP TABLE shop_note")


def test_a_class_that_is_kept_for_longer_than_there_is_time_stops_no_deletion_of_others():
    class KeptForEver(Journey[Customer]):
        delete_completed_after = timedelta.max

        @step
        def begin(self): ...

    assert keep().failed == 0
