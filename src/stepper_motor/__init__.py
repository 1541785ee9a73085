"""Durable, stepped journeys inside your own app, on the database it already has."""

from stepper_motor.journeys.conditions import all_of, any_of, cancel_if, not_
from stepper_motor.journeys.errors import (
    AlreadyOnJourney,
    DefinitionError,
    InvalidState,
    StepperMotorError,
    StepTimeout,
)
from stepper_motor.journeys.outcomes import (
    Canceled,
    Completed,
    Failed,
    Finished,
    Interruption,
    Jumped,
    Lost,
    Outcome,
    Paused,
    Reattempted,
    Rescheduled,
    Resumed,
    Skipped,
)
from stepper_motor.journeys.policies import Reattempt
from stepper_motor.journeys.row import State
from stepper_motor.journeys.steps import Step, step
from stepper_motor.motor.clock import now
from stepper_motor.motor.schedulers import CyclicScheduler, ForwardScheduler

__version__ = "0.1.0"

__all__ = [
    "AlreadyOnJourney",
    "Canceled",
    "Completed",
    "CyclicScheduler",
    "DefinitionError",
    "Failed",
    "Finished",
    "ForwardScheduler",
    "Interruption",
    "InvalidState",
    "Jumped",
    "Lost",
    "Outcome",
    "Paused",
    "Reattempt",
    "Reattempted",
    "Rescheduled",
    "Resumed",
    "Skipped",
    "State",
    "Step",
    "StepTimeout",
    "StepperMotorError",
    "all_of",
    "any_of",
    "cancel_if",
    "not_",
    "now",
    "step",
]
