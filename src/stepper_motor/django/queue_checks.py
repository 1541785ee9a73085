"""What can be wrong with the job queue of `STEPPER_MOTOR["SCHEDULER"]`: told by `manage.py check`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from stepper_motor.django.engine import read_scheduler
from stepper_motor.django.metaclass import roots
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.motor.schedulers import Scheduler
from stepper_motor.motor.survey import refused_tickets


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
    for refused in refused_tickets(scheduler, [root.registry for root in roots]):
        yield checks.Error(
            str(refused),
            hint="Correct the queue in STEPPER_MOTOR['SCHEDULER'], or the queue_options of the class or step.",
            obj=refused.cls,
            id="stepper_motor.E011",
        )
