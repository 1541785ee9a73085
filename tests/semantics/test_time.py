"""All times are stored in UTC and aware; the library asks one clock. SEMANTICS 12."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from django.core.checks import run_checks
from django.db import connections

from stepper_motor import now, step
from stepper_motor.django import Journey
from stepper_motor.motor.clock import FastClock, SetClock, installed, installing
from tests.django.conftest import NOON
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
SPRING, AUTUMN = datetime(2030, 3, 31, tzinfo=AMSTERDAM), datetime(2030, 10, 27, tzinfo=AMSTERDAM)
WAYS = {
    "start": lambda at: Appointment.start(at=at),
    "start_for": lambda at: Appointment.start_for(Customer.objects.all(), at=at),
    "reattempt": lambda at: Appointment.start().reattempt(at=at),
    "reschedule": lambda at: Appointment.start().reschedule(at),
    "jump_to": lambda at: Appointment.start().jump_to("meet", at=at),
    "bulk reattempt": lambda at: Appointment.start() and Appointment.objects.all().reattempt(at=at),
    "bulk reschedule": lambda at: Appointment.start() and Appointment.objects.all().reschedule(at),
    "bulk jump_to": lambda at: Appointment.start() and Appointment.objects.all().jump_to("meet", at=at),
    "a step's at": lambda at: AsAgreed.start(data={"at": at.isoformat(), "fold": at.fold}),
}


class Appointment(Journey[Customer]):
    @step
    def meet(self): ...


class AsAgreed(Journey[Customer]):
    @step(at=lambda journey: journey.agreed())
    def meet(self): ...

    def agreed(self):
        at = datetime.fromisoformat(self.data["at"]).replace(fold=self.data["fold"])
        return at.replace(tzinfo=AMSTERDAM) if at.year == 2030 else at


class ByTheClock(Journey[Customer]):
    @step
    def look(self):
        self.data["now"] = now().isoformat()

    @step(at=lambda journey: now() + timedelta(hours=1))
    def in_an_hour(self): ...


@pytest.fixture(params=WAYS)
def due(request, clock, customer):
    """A function: when a step is due that is to be due at a given time, by every way there is to say so."""

    def due_at(at):
        WAYS[request.param](at)
        return Journey.objects.get().next_step_to_be_performed_at

    return due_at


def test_every_time_is_stored_and_read_in_utc(clock, customer):
    journey = Appointment.start(customer, at=datetime(2031, 7, 1, 12, tzinfo=AMSTERDAM))
    journey.pause()
    found = Appointment.objects.get()
    assert found.next_step_to_be_performed_at == datetime(2031, 7, 1, 10, tzinfo=UTC)
    for time in (found.next_step_to_be_performed_at, found.created_at, found.updated_at, found.arrived_at):
        assert time.utcoffset() == timedelta(0)
    assert found.history.get().finished_at.utcoffset() == timedelta(0)
    assert journey.next_step_to_be_performed_at.utcoffset() == timedelta(0)


def test_to_the_microsecond(clock):
    clock.set(NOON + timedelta(microseconds=123456))
    assert Appointment.start().created_at == Appointment.objects.get().created_at == clock.now()


def test_a_time_of_another_zone_means_the_same_moment(due):
    assert due(datetime(2031, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=45)))).isoformat() == (
        "2031-01-01T06:15:00+00:00"
    )


def test_in_a_spring_gap_half_past_two_means_half_past_three(due):
    assert due(SPRING.replace(hour=2, minute=30)) == datetime(2030, 3, 31, 1, 30, tzinfo=UTC)


def test_whatever_its_fold(due):
    assert due(SPRING.replace(hour=2, minute=30, fold=1)) == datetime(2030, 3, 31, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(("fold", "hour"), [(0, 0), (1, 1)])
def test_in_an_autumn_fold_it_means_the_first_unless_fold_says_the_second(due, fold, hour):
    assert due(AUTUMN.replace(hour=2, minute=30, fold=fold)) == datetime(2030, 10, 27, hour, 30, tzinfo=UTC)


def test_a_past_one_means_now(due):
    assert due(NOON - timedelta(days=1)) == NOON


def test_a_naive_one_is_an_error(due):
    with pytest.raises(ValueError, match="aware"):
        due(datetime(2031, 1, 1, 12))  # noqa: DTZ001


def test_the_library_asks_one_clock_which_tests_can_set(clock, customer):
    clock.set(datetime(2040, 1, 1, tzinfo=AMSTERDAM))
    journey = ByTheClock.start(customer)
    journey.perform_next_step()
    assert now() == clock.now() == datetime(2039, 12, 31, 23, tzinfo=UTC)
    assert journey.data["now"] == "2039-12-31T23:00:00+00:00"
    assert journey.next_step_to_be_performed_at == clock.now() + timedelta(hours=1)
    assert journey.perform_next_step() is None
    clock.move(timedelta(hours=1))
    assert ByTheClock.objects.due().get() == journey
    assert journey.perform_next_step() is not None


def test_without_one_it_is_the_time_of_the_machine(customer):
    before = datetime.now(UTC)
    assert before <= Appointment.start(customer).created_at <= now() <= datetime.now(UTC)


def test_a_clock_may_run_fast(customer):
    with installing(FastClock(86_400, datetime.now(UTC) - timedelta(seconds=10))):
        assert now() - datetime.now(UTC) > timedelta(days=9)
        journey = Appointment.start(customer)
        journey.perform_next_step()
    assert journey.ended_at >= journey.created_at > datetime.now(UTC) + timedelta(days=9)


@pytest.mark.only_on("sqlite", "mariadb")
def test_a_database_that_keeps_other_times_than_utc_is_told_of(monkeypatch):
    monkeypatch.setattr(connections["default"], "timezone_name", "Europe/Amsterdam")
    [told] = run_checks(tags=["stepper_motor"])
    assert told.id == "stepper_motor.E010"
    assert "'default' keeps times in Europe/Amsterdam, journeys theirs in UTC" in told.msg
    assert "Leave TIME_ZONE out of DATABASES['default']" in told.hint


def test_the_clock_before_returns_whatever_happens():
    before = installed()
    with pytest.raises(RuntimeError), installing(SetClock(NOON)):
        raise RuntimeError
    assert installed() is before
    with pytest.raises(ValueError, match="naive"):
        SetClock(NOON.replace(tzinfo=None))
