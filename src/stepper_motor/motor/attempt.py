"""The row a performance holds: its lease, its time, and the look at it before a body begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

from stepper_motor.journeys.calling import enveloped
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.lifecycle import Problem
from stepper_motor.journeys.row import Destination, Onward, Row
from stepper_motor.journeys.steps import Step
from stepper_motor.motor import clock
from stepper_motor.motor.destinations import due_at
from stepper_motor.motor.ports import Holding, Settlement, Store
from stepper_motor.motor.settings import Settings

RUN_ON_SECONDS = 1.0
"""A journey that has been running on for so long gives others a turn."""
ROLLED_BACK_BLOCK = "a verb was raised inside a transaction block of the step and rolled it back: return the outcome"


class Attempt:
    """What one attempt at one step knows of its row, its step and its time."""

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
        self.goes_on = False
        """Whether it is performed for a ticket, which is good for the following steps as well, also after an atomic
        one."""
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

    def may_run_on(self) -> bool:
        """Whether the following step may be claimed with this one's settlement, or others are given a turn first."""
        in_a_row = self.steps_in_a_row + 1 < self.settings.run_on_steps
        return in_a_row and monotonic() - self.claimed_at < RUN_ON_SECONDS and not self.is_stopping()

    def may_go_on(self, settlement: Settlement) -> bool:
        """Whether the ticket that it is performed for may perform the following step as well."""
        return self.goes_on and self.may_run_on() and not self._leads_to_another_queue(settlement.ending.destination)

    def _leads_to_another_queue(self, destination: Destination | None) -> bool:
        """Whether a ticket for the following step would be another job: for other machines, or of another priority."""
        if not isinstance(destination, Onward):
            return False
        options = partial(self.store.registry.queue_options, self.journey.definition.type_name)
        return options(self.step_name) != options(destination.step)

    def claim_next_with(self, settlement: Settlement) -> None:
        """Have the settlement claim the following step as well, if that is due at once."""
        self.run_on_asked_at = monotonic()
        settlement.run_on_lease = settlement.now + self.lease * clock.installed().speed

    def next_step(self, journey: JourneyBase[Any]) -> None:
        """The settlement claimed the following step as well: go on with a fresh object."""
        self.steps_in_a_row += 1
        self.deadline = None
        self._begin_with(journey)
        self.lease_ends_at = self.run_on_asked_at + self.lease.total_seconds()

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
            self.given_back = self.store.hand_back([self.holding], self.holder, patience=1.0).get(self.id)
            return False
        return True

    def _when(self, wait: Any, at: datetime | None) -> datetime:
        return due_at(wait, at, self.now(), self.row.attempts + 1)

    def _here(self, part: Generator[Awaitable[Any], Any, Any]) -> Any:
        """Run a part to its end in this thread, awaiting on the spot."""
        return drive(part, self.store.wait_here)

    def verb_raised(self) -> None:
        """A verb is about to leave the body: a transaction block the body opened around it will be rolled back."""
        if self.entered and self.store.block_depth(self.mark) > self.block_depth:
            self.remark = ROLLED_BACK_BLOCK


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
