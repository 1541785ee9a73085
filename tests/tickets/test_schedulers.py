"""What a scheduler is made of, and what it refuses."""

from datetime import timedelta

import pytest

from stepper_motor import CyclicScheduler, DefinitionError, ForwardScheduler, step
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.motor.schedulers import horizon_of
from tests.home import Customer, Journey
from tests.tickets.keeping import KeepingQueue


class LacksEnqueue:
    max_delay = None
    is_eager = False

    def commits_with(self, store):
        return False


class LacksAHorizon:
    is_eager = False

    def commits_with(self, store):
        return False

    def enqueue(self, ticket, at, options): ...


class NotReadyYet(KeepingQueue):
    """Its job system is configured after the scheduler is made."""

    @property
    def is_eager(self):
        raise AssertionError("asked too early")

    @is_eager.setter
    def is_eager(self, value): ...


@pytest.mark.parametrize("queue", [None, "celery", KeepingQueue, LacksEnqueue(), LacksAHorizon(), 42], ids=repr)
def test_a_scheduler_needs_a_queue(queue):
    with pytest.raises(DefinitionError, match="a scheduler needs a queue"):
        ForwardScheduler(queue)
    with pytest.raises(DefinitionError, match="a scheduler needs a queue"):
        CyclicScheduler(queue, cycle_duration=30)


def test_a_queue_is_not_asked_whether_it_is_eager_before_there_is_something_to_hand_over():
    assert ForwardScheduler(NotReadyYet()).horizon is None


@pytest.mark.parametrize("cycle", [0, timedelta()])
def test_a_cycle_takes_time(cycle):
    with pytest.raises(DefinitionError, match="cycle_duration must be more than 0"):
        CyclicScheduler(KeepingQueue(), cycle_duration=cycle)


@pytest.mark.parametrize("cycle", [-1, "30", None, True, float("nan")])
def test_a_cycle_is_a_duration(cycle):
    with pytest.raises(DefinitionError, match="cycle_duration: "):
        CyclicScheduler(KeepingQueue(), cycle_duration=cycle)


@pytest.mark.parametrize("reraise", ["yes", 1, None])
def test_it_raises_again_or_not(reraise):
    with pytest.raises(DefinitionError, match="reraise must be True or False"):
        ForwardScheduler(KeepingQueue(), reraise=reraise)


def test_a_cycle_is_not_longer_than_the_queue_can_be_trusted():
    """What is due between the two would be handed over late in every cycle."""
    queue = KeepingQueue(timedelta(minutes=10))
    assert CyclicScheduler(queue, cycle_duration=600).horizon == timedelta(minutes=10)
    with pytest.raises(DefinitionError, match="cycle_duration must be at most 0:10:00"):
        CyclicScheduler(queue, cycle_duration=601)


@pytest.mark.parametrize("given", [timedelta(minutes=5), 300, 300.0], ids=repr)
def test_a_horizon_is_a_duration(given):
    assert horizon_of(given) == timedelta(minutes=5)


@pytest.mark.parametrize("given", [timedelta(seconds=-1), -300, "5 minutes", True, None], ids=repr)
def test_anything_else_is_no_horizon(given):
    with pytest.raises(ValueError, match="max_delay must be a timedelta or a number of seconds, got"):
        horizon_of(given)


def test_a_queue_that_can_be_trusted_for_ever_may_have_none():
    assert horizon_of(None, endless=True) is None


def test_a_queue_that_keeps_no_delays_may_have_any_cycle_and_is_given_what_is_due():
    assert CyclicScheduler(KeepingQueue(timedelta()), cycle_duration=30).horizon == timedelta()


def test_the_horizon_of_a_forward_scheduler_is_the_queue_s():
    assert ForwardScheduler(KeepingQueue()).horizon is None
    assert ForwardScheduler(KeepingQueue(timedelta(hours=1))).horizon == timedelta(hours=1)


@pytest.mark.parametrize("options", ["slow", 42, ["queue"], {1: 2}], ids=repr)
def test_queue_options_are_a_dictionary_of_names(options):
    with pytest.raises(StepperMotorError, match="queue_options"):

        class OfTheClass(Journey[Customer]):
            queue_options = options

            @step
            def one(self): ...

    with pytest.raises(StepperMotorError, match="queue_options"):

        class OfTheStep(Journey[Customer]):
            @step(queue_options=options)
            def one(self): ...


def test_queue_options_can_not_be_changed_afterwards():
    class Fixed(Journey[Customer]):
        queue_options = {"queue": "slow"}

        @step(queue_options={"priority": 1})
        def one(self): ...

    with pytest.raises(TypeError):
        Fixed.definition.queue_options["queue"] = "fast"
    with pytest.raises(TypeError):
        Fixed.steps.find("one").queue_options["priority"] = 2
