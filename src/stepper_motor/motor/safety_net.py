"""The safety net: what a body's value, or an exception of whatever type, is as an outcome. SEMANTICS 4 and 7."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from stepper_motor.journeys.calling import call, opened
from stepper_motor.journeys.outcomes import (
    FROM_A_STEP,
    Canceled,
    Completed,
    Failed,
    Interruption,
    Jumped,
    Lost,
    Outcome,
    Paused,
    Reattempted,
    Skipped,
)
from stepper_motor.journeys.policies import Policy, Reattempt
from stepper_motor.motor.attempt import Attempt
from stepper_motor.motor.problems import describe, with_both

Conducting = Generator[Awaitable[Any], Any, Any]

_STOPS = (SystemExit, KeyboardInterrupt, asyncio.CancelledError)


class SafetyNet(Attempt):
    """Turns whatever comes out of the app's code into an outcome."""

    def _guarded(self, part: Conducting) -> Generator[Awaitable[Any], Any, Any]:
        """The safety net: what `part` returns, or the outcome that its exception stands for."""
        try:
            return (yield from part)
        except GeneratorExit:
            raise
        except BaseException as error:
            return (yield from self._caught(error))

    def _caught(self, error: BaseException) -> Generator[Awaitable[Any], Any, Outcome]:
        error = opened(error)
        if isinstance(error, _STOPS) and self.is_stopping():
            return Lost(self.journey.definition.if_lost_at(self.step), graceful=True)
        if self._will_be_run_again(error):
            raise error
        inside = _interruption_in(error)
        if inside is not None:
            return (yield from self._interrupted(inside.outcome))
        if self.error is not None and self.error is not error:  # a hook raised after the body did
            error.__context__ = error.__context__ or self.error
        self.error, self.problem = error, describe(error, self.settings.traceback_limit)
        return Failed(error, (yield from self._policy(error)))

    def _interrupted(self, outcome: Outcome) -> Generator[Awaitable[Any], Any, Outcome]:
        """An outcome that was raised: held to the same rules as one that is returned."""
        try:
            outcome = self._returned(outcome)
        except (TypeError, ValueError) as error:
            return (yield from self._caught(error))
        if self.error is None:
            return outcome
        # The body raised, and the hook after it decided what becomes of that, as a handler would.
        return Failed(self.error, self._of_a_handler(outcome, self.row.failures + 1))

    def _will_be_run_again(self, error: BaseException) -> bool:
        return bool(self.entered and self.step and self.step.atomic and self.store.is_transient(error))

    def _policy(self, error: BaseException) -> Generator[Awaitable[Any], Any, Outcome]:
        policy = (self.step and self.step.on_exception) or self.journey.definition.on_exception
        action = _action_for(policy, error)
        failures = self.row.failures + 1
        if isinstance(action, Reattempt):
            if action.max_attempts is not None and failures >= action.max_attempts:
                return Canceled() if action.then == "cancel" else Paused()
            return Reattempted(action.delay(failures))
        if callable(action):
            return (yield from self._handled(action, error, failures))
        return {"cancel": Canceled(), "skip": Skipped()}.get(action or "pause", Paused())

    def _handled(
        self, handler: Callable[..., Any], error: BaseException, failures: int
    ) -> Generator[Awaitable[Any], Any, Outcome]:
        """What a handler of the app's own makes of the exception."""
        try:
            result = yield from self._told(handler, error)
            outcome = self._returned(result) if isinstance(result, Outcome) else Paused()
        except GeneratorExit:
            raise
        except BaseException as caught:
            limit = self.settings.traceback_limit
            self.problem = with_both(describe(error, limit), describe(opened(caught), limit), limit)
            return Paused(f"its exception handler raised {self.problem}")
        return self._of_a_handler(outcome, failures)

    def _told(self, handler: Callable[..., Any], error: BaseException) -> Generator[Awaitable[Any], Any, Any]:
        try:
            return (yield from awaited(call(handler, self.journey, error)))
        except Interruption as interruption:
            return interruption.outcome

    def _of_a_handler(self, outcome: Outcome, failures: int) -> Outcome:
        if isinstance(outcome, Completed):
            return Paused()
        if isinstance(outcome, Reattempted) and outcome.wait is None and outcome.at is None:
            return Reattempted(Reattempt().delay(failures))
        return outcome

    def _returned(self, result: object) -> Outcome:
        """What a body's return value means."""
        if not isinstance(result, Outcome):
            return Completed()
        if not isinstance(result, FROM_A_STEP):
            raise TypeError(f"a step can't return {type(result).__name__}: only the library makes it")
        if isinstance(result, Reattempted | Jumped):
            self.journey._check_when(result.wait, result.at)
            self._when(result.wait, result.at)
        if isinstance(result, Jumped) and self.journey.steps.find(result.step) is None:
            names = ", ".join(self.journey.steps.names)
            raise ValueError(f"{type(self.journey).__name__} has no step {result.step!r}; it has {names}")
        return result


def awaited(result: Any) -> Generator[Awaitable[Any], Any, Any]:
    """The result, awaited if it has to be."""
    if inspect.isawaitable(result):
        result = yield result
    return result


def _leaves(error: BaseException) -> list[BaseException]:
    leaves, inner = [], [error]
    while inner:  # no recursion: a group may be nested deeper than Python calls
        each = inner.pop(0)
        if isinstance(each, BaseExceptionGroup):
            inner[:0] = each.exceptions
        else:
            leaves.append(each)
    return leaves


def _interruption_in(error: BaseException) -> Interruption | None:
    return next((leaf for leaf in _leaves(error) if isinstance(leaf, Interruption)), None)


def _action_for(policy: Policy, error: BaseException) -> Any:
    """The action for an exception; for a group, the one on which all of its leaves agree."""
    actions = [policy.select(leaf) for leaf in _leaves(error)]
    return actions[0] if all(action == actions[0] for action in actions) else None
