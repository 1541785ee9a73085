"""The errors a user of the library meets. Each says what is wrong and who can mend it."""

from __future__ import annotations


class StepperMotorError(Exception):
    """Above every error of the library."""


class DefinitionError(StepperMotorError):
    """A journey class, or a setting, that can't work: raised when it is defined, and says what to write instead."""


class InvalidState(StepperMotorError):
    """A verb that the journey, as it stands in the database, does not allow. Nothing was changed."""

    def __init__(self, verb: str, state: str, why: str = "") -> None:
        self.verb = verb
        self.state = str(state)
        self.why = why
        super().__init__(f"can't {verb} a journey that is {self.state}" + (f": {why}" if why else ""))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.verb, self.state, self.why)


class AlreadyOnJourney(StepperMotorError):
    """The hero has an ongoing journey of this class and key, and only one is allowed.

    Pass `on_conflict="existing"`, `"ignore"` or `"replace"` to `start()`, another `key`, or `allow_multiple=True`.
    """


class StepTimeout(StepperMotorError):
    """An async step ran longer than its `timeout`; it was cancelled."""
