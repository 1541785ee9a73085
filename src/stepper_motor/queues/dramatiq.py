"""Tickets through Dramatiq, on Redis or RabbitMQ.

    ForwardScheduler(DramatiqQueue(broker))      without a broker: that of `dramatiq.set_broker`

The queue declares its actors on the broker when it is made, so a worker needs the module that makes it: the one that
`dramatiq` is started with, or what that imports. (In Django, `stepper_motor.django.tasks` does it, which
`manage.py rundramatiq` finds.) Periodic: `queue.actors.sweep.send()`.

A worker of Dramatiq keeps messages with a delay in its memory, and when it has enough of them it hears of no other; so
the horizon is ten minutes, whatever the broker.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from math import ceil, inf
from typing import Any, NamedTuple

import dramatiq
from dramatiq import Actor, Broker

from stepper_motor.journeys.durations import Duration
from stepper_motor.motor import clock, receiving
from stepper_motor.motor.ports import Store
from stepper_motor.motor.queue_options import NAME, WHOLE_NUMBER, Kinds, check_kind, check_options, check_priority
from stepper_motor.motor.schedulers import horizon_of

OPTIONS = {
    "queue": "queue_name",
    "queue_name": "queue_name",
    "priority": "broker_priority",
    "broker_priority": "broker_priority",
    "time_limit": "time_limit",
}
"""Of a class's and a step's `queue_options`: what a message calls them."""
KINDS: Mapping[str, Kinds] = {
    name: NAME if called == "queue_name" else WHOLE_NUMBER for name, called in OPTIONS.items()
}
UNINTERRUPTED: Mapping[str, Any] = {"max_retries": 0, "time_limit": inf}
"""What the actors are declared with. A limit interrupts whatever runs just then, the motor as well as a step; and a
retry would find a ticket that is out of date."""
MILLISECOND = timedelta(milliseconds=1)


class Actors(NamedTuple):
    """What a broker's workers do for the motor."""

    perform_step: Actor[[str], None]
    """Perform the step that a ticket is for."""
    sweep: Actor[[], None]
    """Recover, hand over and delete: to be sent every few seconds."""


def register(broker: Broker | None = None, *, queue_name: str = "default") -> Actors:
    """Declare the actors on a broker, once: for another queue of the same broker they stay as they are.

    Args:
        broker: without one, that of `dramatiq.set_broker`.
        queue_name: where their messages go.
    """
    broker = broker if broker is not None else dramatiq.get_broker()
    return Actors(
        _declared(broker, "stepper_motor.perform_step", receiving.perform_ticket, queue_name),
        _declared(broker, "stepper_motor.sweep", receiving.sweep, queue_name),
    )


def _declared(broker: Broker, name: str, function: Any, queue_name: str) -> Any:
    if name in broker.actors:
        return broker.actors[name]
    # An app's broker may have no middleware that knows of retries or limits: then there are none.
    options: dict[str, Any] = {
        option: value for option, value in UNINTERRUPTED.items() if option in broker.actor_options
    }
    return dramatiq.actor(actor_name=name, queue_name=queue_name, broker=broker, **options)(function)


class DramatiqQueue:
    """Hands tickets to Dramatiq.

    Args:
        broker: without one, that of `dramatiq.set_broker`.
        queue: where tickets go, if their queue options name no other.
        queues: those that queue options may name. Workers of this process consume them, too.
        max_delay: its horizon.
        options: for every ticket: `priority` (or `broker_priority`), `time_limit` in milliseconds; a class's and a
            step's `queue_options` come over them.

    Raises:
        ValueError: it has no such option.
        TypeError: `broker` is none of Dramatiq's, or a queue has no name.
    """

    is_eager = False

    def __init__(
        self, broker: Broker | None = None, *, queue: str = "default", queues: Collection[str] = (),
        max_delay: Duration = timedelta(minutes=10), **options: Any,
    ) -> None:  # fmt: skip
        if broker is not None:
            check_kind("broker", broker, Broker, "a broker of Dramatiq's")
        check_kind("queue", queue, str, "a name")
        if not _are_names(queues):
            raise TypeError(f"queues must be a list of names, got {queues!r}")
        self.max_delay = horizon_of(max_delay)
        self.actors = register(broker, queue_name=queue)
        self._broker = self.actors.perform_step.broker
        self._queues = (queue, *queues)
        for name in self._queues:
            self._broker.declare_queue(name)
        self._options = {"queue_name": queue, **self._named(options)}

    def check(self, options: Mapping[str, Any]) -> None:
        """See `ParticularQueue`."""
        self._named(options)

    def commits_with(self, store: Store) -> bool:
        return False

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        told = {**self._options, **self._named(options)}
        queue_name = told.pop("queue_name")
        message = self.actors.perform_step.message_with_options(args=(ticket,), **told)
        self._broker.enqueue(message.copy(queue_name=queue_name), delay=None if at is None else _milliseconds_until(at))

    def _named(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options by the names that a message has for them."""
        check_options("Dramatiq has", options, KINDS)
        named = {OPTIONS[name]: value for name, value in options.items()}
        if len(named) < len(options):
            raise ValueError(f"two of these queue options mean the same: {', '.join(options)}")
        self._mean_something(named)
        return named

    def _mean_something(self, named: Mapping[str, Any]) -> None:
        """Dramatiq ignores what its broker knows nothing of: say so instead."""
        queue_name = named.get("queue_name")
        if queue_name is not None and queue_name not in self._queues:
            raise ValueError(
                f"no worker knows of the queue {queue_name!r}: name it in DramatiqQueue(queues=[...]); "
                f"there are {', '.join(self._queues)}"
            )
        if "broker_priority" in named:
            highest = getattr(self._broker, "max_priority", None)
            if not highest:
                raise ValueError("a priority needs a RabbitmqBroker that was made with max_priority=...")
            check_priority(named, "broker_priority", highest=highest)
        if "time_limit" in named and "time_limit" not in self._broker.actor_options:
            raise ValueError("a time_limit needs Dramatiq's middleware TimeLimit on the broker")


def _are_names(given: object) -> bool:
    if isinstance(given, str | bytes) or not isinstance(given, Collection):
        return False
    return all(isinstance(name, str) for name in given)


def _milliseconds_until(at: datetime) -> int:
    """From the millisecond that has begun, which is where Dramatiq counts from."""
    return max(ceil((at - clock.SystemClock().now()) / MILLISECOND) + 1, 0)
