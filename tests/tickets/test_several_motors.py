"""Which motor a ticket is for, where a process has one, none or several. What the functions of a job system call."""

import gc
import json
from datetime import timedelta

import pytest

from stepper_motor import CyclicScheduler, ForwardScheduler, State, StepperMotorError, step
from stepper_motor.motor import receiving
from stepper_motor.motor.clock import SetClock, installing
from stepper_motor.testing.memory import MemoryJourney, MemoryMotor
from tests.clock import NOON
from tests.home import Customer, Journey, ThreeSteps, motor, start
from tests.semantics.seen import row_of
from tests.tickets.at_work import apart
from tests.tickets.hearing import Heard
from tests.tickets.keeping import KeepingQueue

MINUTE = timedelta(minutes=1)


class Ride(MemoryJourney):
    @step
    def one(self): ...


class Flight(MemoryJourney):
    @step
    def one(self): ...


class Named(MemoryMotor):
    """A motor that says its name when it is given a scheduler, as the SQLAlchemy home's does."""

    def __init__(self, name, *journeys, scheduler):
        super().__init__(*journeys, scheduler=scheduler)
        self.name = name
        receiving.receives(self)


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch):
    """The process has only the motors that a test makes."""
    monkeypatch.setattr(receiving, "_motors", type(receiving._motors)())
    monkeypatch.setattr(receiving, "_finders", [])


@pytest.fixture
def at_noon():
    with installing(SetClock(NOON)) as clock:
        yield clock


@pytest.mark.pure
def test_a_ticket_is_performed_by_the_motor_that_it_names(at_noon, queue):
    rides = Named("rides", Ride, scheduler=ForwardScheduler(queue))
    flights = Named("flights", Flight, scheduler=ForwardScheduler(queue))
    Ride.start()
    Flight.start()
    assert [job.ticket.motor for job in queue.jobs] == ["rides", "flights"]
    receiving.perform_ticket(queue.jobs[1].text)
    assert [journey.state for journey in [*rides.journeys(), *flights.journeys()]] == [State.READY, State.FINISHED]
    receiving.perform_ticket(queue.jobs[0].text)
    assert [journey.state for journey in rides.journeys()] == [State.FINISHED]


@pytest.mark.pure
def test_a_ticket_for_a_motor_that_the_process_does_not_have_is_an_error_of_the_set_up(at_noon, queue):
    rides = Named("rides", Ride, scheduler=ForwardScheduler(queue))
    Ride.start()
    rides.name = "elsewhere"
    receiving._motors.clear()
    with pytest.raises(
        StepperMotorError, match="a ticket came for the motor 'rides', which this process does not have"
    ):
        receiving.perform_ticket(queue.jobs[0].text)
    assert [journey.state for journey in rides.journeys()] == [State.READY]


@pytest.mark.pure
@pytest.mark.parametrize("text", ["garbage", json.dumps({"v": 99, "motor": "from the future"})])
def test_what_can_not_be_read_is_no_error_whatever_the_motors_are_called(at_noon, queue, text):
    rides = Named("rides", Ride, scheduler=ForwardScheduler(queue))
    with Heard() as heard:
        receiving.perform_ticket(text)
    assert [event.name for event in heard] == ["ticket_ignored"]
    assert rides.journeys() == []


@pytest.mark.pure
def test_a_motor_that_is_gone_receives_nothing(at_noon, queue):
    rides = Named("rides", scheduler=ForwardScheduler(queue))
    assert receiving.motor_of("rides") is rides
    del rides
    gc.collect()
    with pytest.raises(StepperMotorError, match="does not have"):
        receiving.motor_of("rides")


@pytest.mark.pure
def test_a_ticket_without_a_name_is_for_the_motor_that_is_found_unless_one_that_was_made_moves_its_table(queue):
    found = MemoryMotor(Ride)
    receiving.found_by(lambda: found)
    assert receiving.motor_of("", "memory") is found
    made = Named("", scheduler=ForwardScheduler(queue))
    assert (receiving.motor_of("", "memory"), receiving.motor_of("", "cars")) == (made, found)


@pytest.mark.pure
def test_an_app_that_is_made_again_performs_and_sweeps_with_the_last_motor(at_noon, queue):
    first = Named("rides", Ride, scheduler=ForwardScheduler(KeepingQueue()))
    last = Named("rides", Ride, scheduler=ForwardScheduler(queue))
    assert receiving.motor_of("rides", "memory") is last is not first
    Ride.start()
    queue.take()
    at_noon.move(MINUTE)
    receiving.sweep()
    assert (len(queue.jobs), len(first.scheduler.queue.jobs)) == (1, 0)


@pytest.mark.pure
def test_the_sweep_is_for_all_of_them(at_noon):
    rides_queue, flights_queue, found_queue = KeepingQueue(), KeepingQueue(), KeepingQueue()
    found = MemoryMotor(scheduler=ForwardScheduler(found_queue))
    receiving.found_by(lambda: found)
    motors = [
        Named("rides", Ride, scheduler=ForwardScheduler(rides_queue)),
        Named("flights", Flight, scheduler=CyclicScheduler(flights_queue, cycle_duration=30)),
    ]
    Ride.start()
    Flight.start()
    found.add(Ride)
    Ride.start()
    for queue in (rides_queue, flights_queue, found_queue):
        queue.take()
    at_noon.move(MINUTE)
    receiving.sweep()
    assert [len(queue.jobs) for queue in (rides_queue, flights_queue, found_queue)] == [1, 1, 1]
    assert len(motors) == 2


@pytest.mark.pure
def test_one_that_can_not_be_swept_does_not_keep_the_others_from_it(at_noon):
    queue = KeepingQueue()
    broken = Named("broken", scheduler=ForwardScheduler(KeepingQueue()))
    broken.store.expired = _broken
    rides = Named("rides", Ride, scheduler=ForwardScheduler(queue))
    Ride.start()
    queue.take()
    at_noon.move(MINUTE)
    with pytest.raises(OSError, match="disk"):
        receiving.sweep()
    assert len(queue.jobs) == 1
    assert rides.name == "rides"


@pytest.mark.pure
def test_the_sweep_of_a_process_without_a_scheduler_does_nothing_and_raises_nothing(at_noon):
    receiving.sweep()
    found = MemoryMotor(Ride)
    receiving.found_by(lambda: found)
    Ride.start()
    at_noon.move(MINUTE)
    receiving.sweep()


@pytest.mark.database(transaction=True)
def test_what_a_job_system_calls_performs_a_journey_of_the_home(clock, forward, queue):
    receiving.receives(motor())
    journey = start(ThreeSteps)
    apart(lambda: receiving.perform_ticket(queue.take()[0].text))
    assert row_of(journey).state is State.FINISHED


@pytest.mark.database(transaction=True)
def test_and_sweeps_its_table(clock, forward, queue):
    receiving.receives(motor())
    start(Once)
    queue.take()
    clock.move(MINUTE)
    apart(receiving.sweep)
    assert len(queue.jobs) == 1


class Once(Journey[Customer]):
    @step
    def one(self): ...


def _broken(*_):
    raise OSError("disk")
