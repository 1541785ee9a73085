"""One attempt at one step, from the claimed row to the settlement that is to be written.

    look         is the row still ours, and still performing?            (only if the claim is older than a second)
    prelude      hero, cancel_if, unknown step, skip_if and only_if      outside of locks, inside one safety net
    body         hooks, the body, hooks                                  the same
    conclusion   what was changed, where it leads                        the same

Written once for sync and async: `conduct` is a generator that yields whatever has to be awaited and is sent the
result. A thread of the worker hands that to its event loop and goes on with other work; `perform_next_step()` waits
for it on the spot. Whatever is raised, of whatever type, becomes an outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from stepper_motor.journeys.calling import call, enveloped, opened
from stepper_motor.journeys.errors import StepTimeout
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.lifecycle import Ending, Problem
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
from stepper_motor.journeys.row import Destination, OffTheMap, Onward, Row, Stranded, Transition
from stepper_motor.journeys.steps import Step
from stepper_motor.motor import clock
from stepper_motor.motor.destinations import due_at, following, of_a_wait
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Holding, Settlement, Store
from stepper_motor.motor.problems import describe, with_both
from stepper_motor.motor.settings import Settings

Conducting = Generator[Awaitable[Any], Any, Any]

ATOMIC_TRIES = 5
"""How often an atomic step is run again after the database rolled it back (a deadlock, a serialization failure)."""
ROLLED_BACK_BLOCK = "a verb was raised inside a transaction block of the step and rolled it back: return the outcome"
_STOPS = (SystemExit, KeyboardInterrupt, asyncio.CancelledError)


class Superseded(Exception):
    """An atomic body ended after its lease: somebody else has the journey, so its writes were rolled back."""


class Performance:
    """Holds one row while its next step is performed."""

    def __init__(
        self,
        journey: JourneyBase[Any],
        store: Store,
        holder: str,
        settings: Settings,
        *,
        claimed_now: datetime,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.store = store
        self.id = journey._id
        """Kept here: an object that its own step deletes forgets its key."""
        self.holder = holder
        self.settings = settings
        self.is_stopping = is_stopping
        self.claimed_now = claimed_now
        self.claimed_at = monotonic()
        self.lease = journey.definition.lease or settings.lease
        self.lease_ends_at = self.claimed_at + self.lease.total_seconds()
        """In this process's monotonic seconds; prolonged by the heartbeat."""
        self.deadline: float | None = None
        """When the lease of a sync step is no longer renewed (its `timeout`)."""
        self.gone_with: str | None = None
        """The fence with which the heartbeat found that somebody else has the row."""
        self.given_back: Row | None = None
        """The row, if it was given back unperformed."""
        self.run_on_asked_at = self.claimed_at
        """When the lease of a following step began that was claimed with a settlement."""
        self.steps_in_a_row = 0
        self.block_depth = 0
        """How many transaction blocks were open on the body's thread when its hooks and it began."""
        self.mark: Any = None
        """What was open on this thread's connection before the app's code ran."""
        self.in_doubt: Settlement | None = None
        """The settlement of an atomic step whose commit was sent."""
        self._begin_with(journey)

    def _begin_with(self, journey: JourneyBase[Any]) -> None:
        self.journey = journey
        journey._begin()
        self.row: Row = journey._row
        self.fence = self.row.fence
        self.loaded_at = monotonic()
        name = self.row.next_step_name
        self.step: Step | None = None if name is None else journey.steps.find(name)
        self.entered = False
        self.remark: str | None = None
        self.problem: Problem | None = None
        self.error: BaseException | None = None
        self.started_at = self.now()
        self.began_at = self.loaded_at
        self.seconds: float | None = None
        """How long it took from its beginning to its settlement: real time, whatever the clock."""

    def next_step(self, journey: JourneyBase[Any]) -> None:
        """The settlement claimed the following step as well: go on with a fresh object."""
        self.steps_in_a_row += 1
        self.deadline = None
        self._begin_with(journey)

    @property
    def is_gone(self) -> bool:
        """The heartbeat found that somebody else has the row."""
        return self.gone_with == self.fence

    @property
    def holding(self) -> Holding:
        return Holding(self.id, self.fence)

    @property
    def step_name(self) -> str | None:
        return self.step.name if self.step else self.row.next_step_name

    def now(self) -> datetime:
        """The database's time at the claim plus what has passed since; the clock's, where it was set."""
        installed = clock.installed()
        if installed.replaces_database:
            return installed.now()
        return self.claimed_now + timedelta(seconds=monotonic() - self.claimed_at)

    # ----------------------------------------------------------------------------------------- the course

    def conduct(self) -> Generator[Awaitable[Any], Any, Settlement | Transition | None]:
        """Perform the step.

        Returns:
            The settlement to be written; the transition, where an atomic step was settled in its own transaction;
            None, where the row was not ours any more and is left alone.
        """
        if not self._may_begin():
            return None
        self.started_at, self.began_at = self.now(), monotonic()
        self.journey._inside = self
        self.mark = self.store.mark()
        try:
            outcome = yield from self._guarded(self._prelude())
            if outcome is None and self.step and self.step.atomic:
                self.store.tidy(self.mark, commit=True)
                return self._atomically()
            if outcome is None:
                outcome = yield from self._guarded(self._whole_body())
            outcome = yield from self._tidied(outcome)
            return (yield from self._settlement(outcome))
        finally:
            self.journey._inside = None

    def _may_begin(self) -> bool:
        """Look again at a row that waited, and let go of one that is not ours or not to be performed any more."""
        waited = monotonic() - self.loaded_at
        if waited > 1.0:
            found = self.store.load([self.id]).get(self.id)
            if found is None or found._row.fence != self.fence or found._row.performed_by != self.holder:
                return False
            self._begin_with(found)
        stopped = self.row.state != "performing"
        if stopped or self.lease_ends_at - monotonic() < self.lease.total_seconds() / 3:
            self.given_back = self.store.hand_back([self.holding], self.holder).get(self.id)
            return False
        return True

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
        self.block_depth = self.store.block_depth()
        if step.timeout is not None and not step.is_async:
            self.deadline = monotonic() + step.timeout.total_seconds()
        if "before_step_starts" in hooks:
            yield from _awaited(call(journey.before_step_starts, step))
        if "after_step_ends" not in hooks:
            return (yield from self._around(step))
        outcome: Outcome = yield from self._guarded(self._around(step))  # so that the hook hears what came of it
        yield from _awaited(call(journey.after_step_ends, step, outcome))
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
        mark = self.store.mark()
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

    # ------------------------------------------------------------------------------- exceptions to outcomes

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
            return (yield from _awaited(call(handler, self.journey, error)))
        except Interruption as interruption:
            return interruption.outcome

    def _of_a_handler(self, outcome: Outcome, failures: int) -> Outcome:
        if isinstance(outcome, Completed):
            return Paused()
        if isinstance(outcome, Reattempted) and outcome.wait is None and outcome.at is None:
            return Reattempted(Reattempt().delay(failures))
        return outcome

    # -------------------------------------------------------------------------------------- the conclusion

    def _tidied(self, outcome: Outcome) -> Generator[Awaitable[Any], Any, Outcome]:
        """End a transaction that the body left open, before it is settled."""
        try:
            self.store.tidy(self.mark, commit=not isinstance(outcome, Failed | Lost))
        except Exception as error:
            return (yield from self._caught(error))
        return outcome

    def _settlement(self, outcome: Outcome) -> Generator[Awaitable[Any], Any, Settlement]:
        data: str | None = None
        own: dict[str, Any] = {}
        if not isinstance(outcome, Failed | Lost):
            try:
                data, own = self.journey._changes()
            except Exception as error:
                outcome = yield from self._caught(error)
        destination, problem = self._destination(outcome), self.problem
        self.seconds = monotonic() - self.began_at
        if problem is None and isinstance(destination, Stranded):
            problem = describe(destination.error, self.settings.traceback_limit)
        ending = Ending(self.step_name, outcome, self.entered, self.started_at, destination, problem, self.remark)
        return Settlement(
            self.id, self.row, self.holder, ending, self.now(), new_fence(), data, own, as_failure=self._refused
        )

    def _refused(self, error: Exception) -> Settlement:
        """The settlement to write when the database refuses what the step left: that is an exception of the step."""
        self.journey._inside = self
        try:
            settlement: Settlement = self._here(self._settlement(self._here(self._caught(error))))
        finally:
            self.journey._inside = None
        settlement.as_failure = None
        return settlement

    def _destination(self, outcome: Outcome) -> Destination | None:
        """Where an outcome leads. May call the app's own waits, so no lock is held."""
        match outcome:
            case Completed() | Skipped():
                return self._following()
            case Reattempted(wait, at):
                return self._again(wait, at)
            case Jumped(name, wait, at):
                step = self.journey.steps.find(name)
                assert step is not None
                return Onward(step.name, self._when(wait, at) if wait is not None or at else self.now())
            case Failed(_, then):
                return self._destination(then)
            case Lost("skip"):
                return self._following()
        return None

    def _following(self) -> Destination:
        if self.step is None:
            return OffTheMap(self.row.next_step_name or "")
        return following(self.journey, self.step, self.now())

    def _again(self, wait: Any, at: datetime | None) -> Destination:
        step = self.step
        if step is None:
            return OffTheMap(self.row.next_step_name or "")
        try:
            if wait is None and at is None:
                return Onward(step.name, self.now() + step.own_wait(self.journey))
            return Onward(step.name, self._when(wait, at))
        except BaseException as error:
            return Stranded(step.name, of_a_wait(error))

    def _when(self, wait: Any, at: datetime | None) -> datetime:
        return due_at(wait, at, self.now(), self.row.attempts + 1)

    # ---------------------------------------------------------------------------------------- atomic steps

    def _atomically(self) -> Settlement | Transition | None:
        """Body, settlement and history in one transaction; run again when the database rolled it back."""
        tries = 0
        while True:
            tries += 1
            try:
                return self._in_one_transaction()
            except _RolledBack as rolled_back:
                return rolled_back.settlement
            except Superseded:
                raise
            except BaseException as error:
                landed = self._landed()
                if landed:
                    self._note_after_commit(error)
                    return landed
                if tries < ATOMIC_TRIES and (self.store.is_transient(error) or self.store.is_disconnect(error)):
                    self._start_over()
                    continue
                self.entered = False  # so that the error is taken as the step's own, not as a reason to try again
                outcome = self._here(self._caught(error))
                self.entered = True
                settlement: Settlement = self._here(self._settlement(outcome))
                return settlement

    def _in_one_transaction(self) -> Transition | None:
        self.in_doubt = None
        with self.store.atomic_step():
            self.mark = self.store.mark()
            outcome = self._here(self._tidied(self._here(self._guarded(self._whole_body()))))
            settlement = self._here(self._settlement(outcome))
            if isinstance(settlement.ending.outcome, Failed | Lost):
                raise _RolledBack(settlement)
            self.in_doubt = settlement
            transition = self.store.settle([settlement], patient=True).done.get(self.id)
            if transition is None and self.id in self.store.load([self.id]):
                raise Superseded(f"step {self.step_name} outlived its lease; what it wrote was rolled back")
        return transition  # None: the row was deleted, and nobody else can have it

    def _landed(self) -> Transition | None:
        """The row as the commit left it, if it arrived after all."""
        settlement = self.in_doubt
        found = self.store.load([self.id]).get(self.id) if settlement else None
        if found is None or settlement is None:
            return None
        row = found._row
        if row.fence == settlement.new_fence or (row.fence == self.fence and row.performed_by is None):
            return Transition(row)
        return None

    def _note_after_commit(self, error: BaseException) -> None:
        """The step is done, whatever came after its commit: its answer was lost, or a callback of the app's raised."""
        if not self.store.is_disconnect(error):
            self.error = error
            self.remark = f"it is committed; a callback after the commit raised {type(error).__name__}"

    def _start_over(self) -> None:
        found = self.store.load([self.id]).get(self.id)
        if found is None or found._row.fence != self.fence or found._row.performed_by != self.holder:
            raise Superseded(f"step {self.step_name} was rolled back by the database, and is not ours to run again")
        self._begin_with(found)
        found._inside = self

    def _here(self, part: Generator[Awaitable[Any], Any, Any]) -> Any:
        """Run a part to its end in this thread, awaiting on the spot."""
        return drive(part, self.store.wait_here)

    # -------------------------------------------------------------------------------- asked by the journey

    def verb_raised(self) -> None:
        """A verb is about to leave the body: a transaction block the body opened around it will be rolled back."""
        if self.entered and self.store.block_depth() > self.block_depth:
            self.remark = ROLLED_BACK_BLOCK


class _RolledBack(Exception):
    def __init__(self, settlement: Settlement) -> None:
        self.settlement = settlement


def drive(part: Generator[Awaitable[Any], Any, Any], wait: Callable[[Awaitable[Any]], Any]) -> Any:
    """Run a conducting generator to its end in this thread; `wait` says how an awaitable is awaited here."""
    try:
        awaitable = next(part)
        while True:
            try:
                result = wait(awaitable)
            except BaseException as error:
                awaitable = part.throw(enveloped(error))
            else:
                awaitable = part.send(result)
    except StopIteration as stop:
        return stop.value


def _unknown(name: str | None) -> str:
    if name is None:
        return "it has no next step: use jump_to() with the name of a step"
    return f"step {name!r} is not known to this code: rename with formerly=, or use jump_to()"


def _awaited(result: Any) -> Generator[Awaitable[Any], Any, Any]:
    if inspect.isawaitable(result):
        result = yield result
    return result


async def _within_time(body: Awaitable[Any], limit: timedelta, name: str) -> Any:
    scope = asyncio.timeout(limit.total_seconds())
    try:
        async with scope:
            return await body
    except TimeoutError as error:
        if scope.expired():
            raise StepTimeout(f"step {name} ran longer than its timeout of {limit.total_seconds():g} s") from error
        raise


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


def _interruption_in(error: BaseException) -> Interruption | None:
    return next((leaf for leaf in _leaves(error) if isinstance(leaf, Interruption)), None)


def _action_for(policy: Policy, error: BaseException) -> Any:
    """The action for an exception; for a group, the one on which all of its leaves agree."""
    actions = [policy.select(leaf) for leaf in _leaves(error)]
    return actions[0] if all(action == actions[0] for action in actions) else None
