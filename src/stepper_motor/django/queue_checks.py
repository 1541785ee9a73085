"""What can be wrong with the job queue of `STEPPER_MOTOR["SCHEDULER"]`: told by `manage.py check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from stepper_motor.django.engine import read_scheduler
from stepper_motor.django.metaclass import roots
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.motor.schedulers import ParticularQueue, Scheduler


def check_queue(**_: Any) -> Iterator[CheckMessage]:
    """E011, W003: the job queue of `STEPPER_MOTOR["SCHEDULER"]` would refuse tickets, or is given none."""
    try:
        scheduler = read_scheduler()
    except DefinitionError:
        return  # check_settings tells of it
    if scheduler is None:
        return
    refused = list(_refused(scheduler))
    yield from refused
    if not refused and scheduler.queue.is_eager:
        yield checks.Warning(
            "The queue of STEPPER_MOTOR['SCHEDULER'] performs a job within the call that enqueues it, so it is "
            "given no tickets: no step is performed through it.",
            hint="Where journeys are to move, as in development, run `manage.py stepper_motor worker` (which needs no "
            "queue), or give the queue a backend with workers. In tests this is as it should be.",
            id="stepper_motor.W003",
        )


def _refused(scheduler: Scheduler) -> Iterator[CheckMessage]:
    """What the queue says of the tickets of each step, each complaint once; and of one without options, before them."""
    if not isinstance(scheduler.queue, ParticularQueue):
        return
    told: set[str] = set()
    for cls, what, options in [(None, "any step", {}), *_options_of_steps()]:
        try:
            scheduler.queue.check(options)
        except ValueError as error:
            if str(error) not in told:
                told.add(str(error))
                yield _options_refused(cls, what, error)


def _options_of_steps() -> Iterator[tuple[Any, str, Mapping[str, Any]]]:
    for root in roots:
        for cls in root.registry:
            for step in cls.steps:
                options = root.registry.queue_options(cls.definition.type_name, step.name)
                yield cls, f"{cls.__name__}.{step.name}", options


def _options_refused(cls: Any, what: str, error: ValueError) -> CheckMessage:
    return checks.Error(
        f"The job queue takes no ticket for {what}: {error}",
        hint="Correct the queue in STEPPER_MOTOR['SCHEDULER'], or the queue_options of the class or step.",
        obj=cls,
        id="stepper_motor.E011",
    )
