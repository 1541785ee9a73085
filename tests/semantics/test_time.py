"""All times are stored in UTC and aware; the library asks one clock. SEMANTICS 12."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from stepper_motor import now, step
from stepper_motor.motor.clock import FastClock, SetClock, installed, installing
from tests.home import NOON, Customer, Journey, only, start, start_for, these
from tests.semantics.seen import only_entry

pytestmark = pytest.mark.database

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
SPRING, AUTUMN = datetime(2030, 3, 31, tzinfo=AMSTERDAM), datetime(2030, 10, 27, tzinfo=AMSTERDAM)
WAYS = {
    "start": lambda at: start(Appointment, at=at),
    "start_for": lambda at: start_for(Appointment, these(Customer), at=at),
    "reattempt": lambda at: start(Appointment).reattempt(at=at),
    "reschedule": lambda at: start(Appointment).reschedule(at),
    "jump_to": lambda at: start(Appointment).jump_to("meet", at=at),
    "bulk reattempt": lambda at: start(Appointment) and these(Appointment).reattempt(at=at),
    "bulk reschedule": lambda at: start(Appointment) and these(Appointment).reschedule(at),
    "bulk jump_to": lambda at: start(Appointment) and these(Appointment).jump_to("meet", at=at),
    "a step's at": lambda at: start(AsAgreed, data={"at": at.isoformat(), "fold": at.fold}),
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
        return only(Journey).next_step_to_be_performed_at

    return due_at


def test_every_time_is_stored_and_read_in_utc(clock, customer):
    journey = start(Appointment, customer, at=datetime(2031, 7, 1, 12, tzinfo=AMSTERDAM))
    journey.pause()
    found = only(Appointment)
    assert found.next_step_to_be_performed_at == datetime(2031, 7, 1, 10, tzinfo=UTC)
    for time in (found.next_step_to_be_performed_at, found.created_at, found.updated_at, found.arrived_at):
        assert time.utcoffset() == timedelta(0)
    assert only_entry(found).finished_at.utcoffset() == timedelta(0)
    assert journey.next_step_to_be_performed_at.utcoffset() == timedelta(0)


def test_to_the_microsecond(clock):
    clock.set(NOON + timedelta(microseconds=123456))
    assert start(Appointment).created_at == only(Appointment).created_at == clock.now()


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
    journey = start(ByTheClock, customer)
    journey.perform_next_step()
    assert now() == clock.now() == datetime(2039, 12, 31, 23, tzinfo=UTC)
    assert journey.data["now"] == "2039-12-31T23:00:00+00:00"
    assert journey.next_step_to_be_performed_at == clock.now() + timedelta(hours=1)
    assert journey.perform_next_step() is None
    clock.move(timedelta(hours=1))
    assert these(ByTheClock).due().get() == journey
    assert journey.perform_next_step() is not None


def test_without_one_it_is_the_time_of_the_machine(customer):
    before = datetime.now(UTC)
    assert before <= start(Appointment, customer).created_at <= now() <= datetime.now(UTC)


def test_a_clock_may_run_fast(customer):
    with installing(FastClock(86_400, datetime.now(UTC) - timedelta(seconds=10))):
        assert now() - datetime.now(UTC) > timedelta(days=9)
        journey = start(Appointment, customer)
        journey.perform_next_step()
    assert journey.ended_at >= journey.created_at > datetime.now(UTC) + timedelta(days=9)


def test_the_clock_before_returns_whatever_happens():
    before = installed()
    with pytest.raises(RuntimeError), installing(SetClock(NOON)):
        raise RuntimeError
    assert installed() is before
    with pytest.raises(ValueError, match="naive"):
        SetClock(NOON.replace(tzinfo=None))
