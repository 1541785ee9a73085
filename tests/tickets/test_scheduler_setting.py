"""`STEPPER_MOTOR["SCHEDULER"]`: what a Django project says about its queue."""

import pytest
from django.test import override_settings

from stepper_motor import CyclicScheduler, DefinitionError, ForwardScheduler, State, step
from stepper_motor.motor import receiving
from stepper_motor.motor.housekeeping import Housekeeper
from tests.home import Customer, Journey, motor, start
from tests.semantics.seen import row_of
from tests.tickets.keeping import KeepingQueue

pytestmark = [pytest.mark.only_in("django"), pytest.mark.database(transaction=True)]

QUEUE = KeepingQueue()
AN_INSTANCE = CyclicScheduler(QUEUE, cycle_duration=30)


class OfItsOwn(ForwardScheduler):
    """A class of the project's, which needs nothing to be made."""

    def __init__(self):
        super().__init__(QUEUE)


class Errand(Journey[Customer]):
    @step
    def run(self): ...


def a_function():
    return ForwardScheduler(QUEUE)


def with_scheduler(given):
    return override_settings(STEPPER_MOTOR={"SCHEDULER": given})


@pytest.fixture(autouse=True)
def _empty_queue():
    QUEUE.take()


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (ForwardScheduler(QUEUE), ForwardScheduler),
        (AN_INSTANCE, CyclicScheduler),
        (f"{__name__}.AN_INSTANCE", CyclicScheduler),
        (f"{__name__}.a_function", ForwardScheduler),
        (f"{__name__}.OfItsOwn", OfItsOwn),
        (a_function, ForwardScheduler),
        (OfItsOwn, OfItsOwn),
    ],
    ids=[
        "an instance",
        "another",
        "its path",
        "the path of a function",
        "the path of a class",
        "a function",
        "a class",
    ],
)
def test_it_is_a_scheduler_or_the_way_to_one(given, kind):
    with with_scheduler(given):
        assert type(motor().scheduler) is kind
        start(Errand)
    assert len(QUEUE.jobs) == 1


def test_without_it_there_is_none():
    assert motor().scheduler is None
    with with_scheduler(None):
        assert motor().scheduler is None


WRONG = [42, KeepingQueue(), f"{__name__}.QUEUE", lambda: None, lambda: QUEUE, "stepper_motor.ForwardScheduler"]


@pytest.mark.parametrize("given", WRONG, ids=repr)
def test_anything_else_is_refused_with_what_it_should_be(given):
    with with_scheduler(given), pytest.raises(DefinitionError, match="must be a scheduler, such as"):
        motor()


def is_made_wrongly():
    return ForwardScheduler(QUEUE, reraise="yes")


def needs_what_is_not_installed():
    raise ModuleNotFoundError("No module named 'rq'", name="rq")


def test_a_library_that_is_not_installed_is_said_to_be():
    with (
        with_scheduler(f"{__name__}.needs_what_is_not_installed"),
        pytest.raises(DefinitionError, match=r"No module named 'rq'; pip install 'stepper-motor\[rq\]'"),
    ):
        motor()


def test_what_is_wrong_with_a_scheduler_is_said_of_its_path():
    with (
        with_scheduler(f"{__name__}.is_made_wrongly"),
        pytest.raises(
            DefinitionError, match=r"is_made_wrongly can't be made: reraise must be True or False, got 'yes'"
        ),
    ):
        motor()


@pytest.mark.parametrize("path", ["nowhere.scheduler", f"{__name__}.NOTHING", "scheduler"])
def test_a_path_that_leads_nowhere_is_said_to(path):
    with with_scheduler(path), pytest.raises(DefinitionError, match=r"STEPPER_MOTOR\['SCHEDULER'\]"):
        motor()


def test_it_is_written_in_upper_case():
    with override_settings(STEPPER_MOTOR={"scheduler": OfItsOwn}), pytest.raises(DefinitionError, match="'SCHEDULER'"):
        motor()


def test_a_test_that_overrides_the_settings_has_another_for_as_long():
    with with_scheduler(OfItsOwn):
        start(Errand)
        with with_scheduler(None):
            start(Errand)
        start(Errand)
    start(Errand)
    assert len(QUEUE.jobs) == 2


def test_a_job_system_finds_the_motor_of_the_project(clock):
    with with_scheduler(OfItsOwn):
        journey = start(Errand)
        receiving.perform_ticket(QUEUE.take()[0].text)
        assert row_of(journey).state is State.FINISHED
        receiving.sweep()
    assert QUEUE.jobs == []


def test_a_motor_of_some_types_hands_over_as_the_whole_one_does():
    from stepper_motor.django.engine import motor_of_types

    with with_scheduler(OfItsOwn):
        narrowed = motor_of_types([Errand.definition.type_name])
        assert narrowed.scheduler is motor().scheduler
        assert Housekeeper(narrowed).sweep() == 0
