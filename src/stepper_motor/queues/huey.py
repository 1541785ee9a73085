"""Tickets through Huey.

    ForwardScheduler(HueyQueue(huey))

Make the queue in a module that the consumer imports: that gives the Huey its tasks `perform_step` and `sweep`, the
latter a periodic one. Each Huey is a queue of its own, so `queue_options = {"queue": "mail"}` means the one of that
name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from huey import crontab
from huey.api import Huey

from stepper_motor.journeys.durations import Duration
from stepper_motor.motor import receiving
from stepper_motor.motor.ports import Store
from stepper_motor.motor.queue_options import NAME, WHOLE_NUMBER, Kinds, check_kind, check_options
from stepper_motor.motor.schedulers import horizon_of

OPTIONS: Mapping[str, Kinds] = {
    "queue": NAME,
    "priority": WHOLE_NUMBER,
    "expires": (int, float, timedelta, datetime),
}
"""Of a class's and a step's `queue_options`: the name of a Huey, and what its tasks take. No retries: a ticket that is
tried again finds that it is out of date. No timeout: it would end the engine's own work with the step."""
HORIZON = timedelta(days=7)
EVERY_MINUTE = crontab()
TASK, SWEEPS = "stepper_motor_task", "stepper_motor_sweeps"
"""The attributes of a Huey that has the task already, and the periodic one."""


def perform_step(ticket: str) -> None:
    """Perform the step that a ticket is for."""
    receiving.perform_ticket(ticket)


def sweep() -> None:
    """Recover, hand over and delete."""
    receiving.sweep()


class HueyQueue:
    """Hands tickets to Huey.

    Args:
        huey: gets the tickets whose `queue_options` name no other.
        others: those that they may name. Each needs a consumer.
        max_delay: its horizon.
        sweep: when the consumer of `huey` sweeps, as `crontab()` has it; None: somebody else does. Of several queues on
            one Huey the first that says it.
        options: `queue`, `priority` and `expires` of every ticket; a class's and a step's `queue_options` come over
            them.

    Raises:
        ValueError: it has no such option, or no such Huey; two of them have one name.
        TypeError: what was given is no Huey; `sweep` is nothing that `crontab()` gives.
    """

    def __init__(
        self, huey: Huey, *others: Huey, max_delay: Duration | None = HORIZON,
        sweep: Callable[[datetime], bool] | None = EVERY_MINUTE, **options: Any,
    ) -> None:  # fmt: skip
        for each in (huey, *others):
            check_kind("huey", each, Huey, "a Huey")
        if sweep is not None and not callable(sweep):
            raise TypeError(f"sweep must be what crontab() gives, such as crontab(minute='*/5'), got {sweep!r}")
        self.max_delay = horizon_of(max_delay, endless=True)
        self._hueys = {each.name: each for each in (huey, *others)}
        if len(self._hueys) <= len(others):
            raise ValueError(f"each Huey needs a name of its own, got {', '.join(e.name for e in (huey, *others))}")
        self._options = {"queue": huey.name, **options}
        self._tasks = {each.name: _registered(each, sweep if each is huey else None) for each in (huey, *others)}
        self.check({})

    @property
    def is_eager(self) -> bool:
        return any(huey.immediate for huey in self._hueys.values())

    def check(self, options: Mapping[str, Any]) -> None:
        """See `ParticularQueue`."""
        told = {**self._options, **options}
        check_options("Huey has", told, OPTIONS)
        huey = self._hueys.get(told["queue"])
        if huey is None:
            raise ValueError(f"there is no Huey {told['queue']!r} here; there are {', '.join(self._hueys)}")
        if told.get("priority") and not huey.storage.priority:
            raise ValueError(f"the Huey {huey.name!r} has no priorities: make it a PriorityRedisHuey")

    def commits_with(self, store: Store) -> bool:
        return False

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        self.check(options)
        told = {**self._options, **options}
        name = told.pop("queue")
        self._hueys[name].enqueue(self._tasks[name].s(ticket, eta=at, **told))


def _registered(huey: Huey, when: Callable[[datetime], bool] | None) -> Any:
    """Its task that performs steps; another queue may have given it that already."""
    if not hasattr(huey, TASK):
        setattr(huey, TASK, huey.task()(perform_step))
    if when is not None and not hasattr(huey, SWEEPS):
        setattr(huey, SWEEPS, huey.periodic_task(when)(sweep))
    return getattr(huey, TASK)
