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

from collections.abc import Awaitable, Generator
from datetime import datetime
from time import monotonic
from typing import Any

from stepper_motor.journeys.lifecycle import Ending
from stepper_motor.journeys.outcomes import Completed, Failed, Jumped, Lost, Outcome, Reattempted, Skipped
from stepper_motor.journeys.row import Destination, OffTheMap, Onward, Stranded, Transition
from stepper_motor.motor.body import Body
from stepper_motor.motor.destinations import following, of_a_wait
from stepper_motor.motor.fences import new_fence
from stepper_motor.motor.ports import Settlement
from stepper_motor.motor.problems import describe

ATOMIC_TRIES = 5
"""How often an atomic step is run again after the database rolled it back (a deadlock, a serialization failure)."""


class Superseded(Exception):
    """An atomic body ended after its lease: somebody else has the journey, so its writes were rolled back."""


class Performance(Body):
    """Holds one row while its next step is performed."""

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
        self.mark = self.store.mark(self.journey)
        try:
            outcome = yield from self._guarded(self._prelude())
            if outcome is None and self.step and self.step.atomic:
                self.store.tidy(self.mark, commit=True)
                self.store.leave(self.mark)
                return self._atomically()
            if outcome is None:
                outcome = yield from self._guarded(self._whole_body())
            outcome = yield from self._tidied(outcome)
            return (yield from self._settlement(outcome))
        finally:
            self.store.leave(self.mark)
            self.journey._inside = None

    # -------------------------------------------------------------------------------------- the conclusion

    def _tidied(self, outcome: Outcome) -> Generator[Awaitable[Any], Any, Outcome]:
        """End a transaction that the body left open, before it is settled."""
        try:
            self.store.tidy(self.mark, commit=not isinstance(outcome, Failed | Lost))
        except Exception as error:
            if self._is_rolled_back_with_its_connection(error):
                raise
            return (yield from self._caught(error))
        return outcome

    def _is_rolled_back_with_its_connection(self, error: Exception) -> bool:
        """Of an atomic step nothing is committed yet: the body has not failed, and is run again."""
        return bool(self.entered and self.step and self.step.atomic and self.store.is_disconnect(error))

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
                if self.store.is_disconnect(error):
                    self.store.let_go()  # whatever ended that connection may have ended this thread's other one
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
            self.mark = self.store.mark(self.journey)
            outcome = self._here(self._tidied(self._here(self._guarded(self._whole_body()))))
            settlement = self._here(self._settlement(outcome))
            self.store.leave(self.mark)
            if isinstance(settlement.ending.outcome, Failed | Lost):
                raise _RolledBack(settlement)
            if self.may_go_on(settlement):
                self.claim_next_with(settlement)
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


class _RolledBack(Exception):
    def __init__(self, settlement: Settlement) -> None:
        self.settlement = settlement
