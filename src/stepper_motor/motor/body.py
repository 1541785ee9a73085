"""What is called of the app's code in a performance, and in which order: conditions, hooks, the body."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Generator
from datetime import timedelta
from time import monotonic
from typing import Any

from stepper_motor.journeys.calling import call
from stepper_motor.journeys.errors import StepTimeout
from stepper_motor.journeys.outcomes import Canceled, Completed, Interruption, Outcome, Paused, Skipped
from stepper_motor.journeys.steps import Step
from stepper_motor.motor.safety_net import SafetyNet, awaited


class Body(SafetyNet):
    """The prelude, which may decide before the body, and the body with its hooks."""

    def _prelude(self) -> Generator[Awaitable[Any], Any, Outcome | None]:
        """What may decide before the body: None means the body is to run."""
        journey, step = self.journey, self.step
        if not journey.may_proceed_without_hero and journey._hero_is_gone():
            return Canceled("the hero is gone")
        for condition in journey.definition.cancel_if:
            if (yield from condition.evaluate(journey)):
                return Canceled(f"cancel_if {condition}")
        if step is None:
            return Paused(_unknown(self.row.next_step_name))
        if step.skip_if is not None and (yield from step.skip_if.evaluate(journey)):
            return Skipped()
        if step.only_if is not None and not (yield from step.only_if.evaluate(journey)):
            return Skipped()
        return None

    def _whole_body(self) -> Generator[Awaitable[Any], Any, Outcome]:
        journey, step, hooks = self.journey, self.step, self.journey.definition.has_hooks
        assert step is not None
        self.block_depth = self.store.block_depth(self.mark)
        if step.timeout is not None and not step.is_async:
            self.deadline = monotonic() + step.timeout.total_seconds()
        if "before_step_starts" in hooks:
            yield from awaited(call(journey.before_step_starts, step))
        if "after_step_ends" not in hooks:
            return (yield from self._around(step))
        outcome: Outcome = yield from self._guarded(self._around(step))  # so that the hook hears what came of it
        yield from awaited(call(journey.after_step_ends, step, outcome))
        return outcome

    def _around(self, step: Step) -> Generator[Awaitable[Any], Any, Outcome]:
        hooks = self.journey.definition.has_hooks
        around: Any = call(self.journey.around_step, step) if "around_step" in hooks else None
        if inspect.isgenerator(around):
            around = contextlib.contextmanager(lambda generator=around: generator)()
        elif inspect.isasyncgen(around):
            around = contextlib.asynccontextmanager(lambda generator=around: generator)()
        elif inspect.isawaitable(around):
            around = yield around
        if around is None:
            return (yield from self._body(step))
        if hasattr(around, "__aenter__"):
            body = self._within(step, around)  # a sync body runs on in its thread, whatever cancels the coroutine
            return self._returned((yield self._limited(step, body) if step.is_async else body))
        outcome: Outcome = Completed()  # if `around` swallows what the body raised
        with around:
            # Waits here, in this thread: a transaction or a context that `around` holds belongs to one thread.
            outcome = self._here(self._body(step))
        return outcome

    async def _within(self, step: Step, around: Any) -> Any:
        """The body in an async context manager: one coroutine, so that one task and one event loop serve both."""
        async with around:
            self.entered = True
            if step.is_async:
                return await step.call(self.journey)
            result = await self.store.in_its_thread(lambda: self._tidy_call(step))
            return await result if inspect.isawaitable(result) else result

    def _tidy_call(self, step: Step) -> Any:
        mark = self.store.mark(self.journey)
        try:
            result = call(step.call, self.journey)
        except BaseException as error:
            self.store.tidy(mark, commit=isinstance(error, Interruption))
            raise
        self.store.tidy(mark, commit=True)
        return result

    def _body(self, step: Step) -> Generator[Awaitable[Any], Any, Outcome]:
        self.entered = True
        result = call(step.call, self.journey)
        if inspect.isawaitable(result):
            result = yield self._limited(step, result)
        return self._returned(result)

    def _limited(self, step: Step, body: Awaitable[Any]) -> Awaitable[Any]:
        if step.timeout is None:
            return body
        return _within_time(body, step.timeout, step.name)


def _unknown(name: str | None) -> str:
    if name is None:
        return "it has no next step: use jump_to() with the name of a step"
    return f"step {name!r} is not known to this code: rename with formerly=, or use jump_to()"


async def _within_time(body: Awaitable[Any], limit: timedelta, name: str) -> Any:
    scope = asyncio.timeout(limit.total_seconds())
    try:
        async with scope:
            return await body
    except TimeoutError as error:
        if scope.expired():
            raise StepTimeout(f"step {name} ran longer than its timeout of {limit.total_seconds():g} s") from error
        raise
