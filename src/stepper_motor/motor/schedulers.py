"""Whether and when a ticket goes to a queue. DESIGN 6.

    none                  the built-in worker looks for what is due
    ForwardScheduler      a ticket as soon as a journey is ready, for the time its step is due
    CyclicScheduler       a ticket only for what is due before the next cycle; every cycle hands over the next ones

Neither hands over what lies beyond the queue's horizon: the sweep does, when it comes nearer. The sweep, which every
set-up runs, also hands over again what is overdue and unclaimed, so a lost ticket costs a minute and not a journey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from inspect import getattr_static
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast, runtime_checkable

from stepper_motor.journeys.durations import Duration, duration
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.motor import clock
from stepper_motor.motor.errands import Errands
from stepper_motor.motor.events import Event
from stepper_motor.motor.marks import real
from stepper_motor.motor.ports import Ready, Store
from stepper_motor.motor.ticket import Ticket

if TYPE_CHECKING:
    from stepper_motor.motor.motor import Motor

IN_VAIN = 3
"""After so many tickets in a row for which it could not be reached, the queue is left alone for a while."""
LEFT_ALONE = 10.0
"""Seconds for which nothing is announced to a queue that could not be reached `IN_VAIN` times in a row: to learn that
may take seconds each time, and the app's commits would wait. What was not announced is handed over by the sweep."""
AT_ONCE = timedelta(milliseconds=100)
"""What is due so soon is handed over without a delay, which takes longer in some queues; whoever performs it waits."""
ASKED = ("enqueue", "commits_with", "max_delay", "is_eager")
"""What a scheduler asks of a queue."""


class Queue(Protocol):
    """Carries tickets to other processes, for one job system. It may lose, double, delay and reorder them."""

    @property
    def max_delay(self) -> timedelta | None:
        """Its horizon: how far ahead it can be trusted with a job. None: as far as you like."""

    @property
    def is_eager(self) -> bool:
        """Whether it performs a job within `enqueue`, as test modes do: then it is given none."""

    def commits_with(self, store: Store) -> bool:
        """Whether a job is a row that is written in the transaction of this store's caller, and committed with it.

        Such a queue is a `QueueOfRows`.
        """

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        """Have `perform_ticket(ticket)` called, at a time (aware) or at once (None).

        Args:
            at: never call it before that; what the queue counts in whole seconds is rounded up.
            options: the journey's and the step's `queue_options`.

        Raises:
            ValueError: the queue has no such option, or it means nothing there. Other tickets may still go well.
            Exception: the queue can't be reached.
        """


class QueueOfRows(Queue, Protocol):
    """Its jobs are rows of a database, which may be the one that the journeys are in."""

    def write(self, store: Store, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        """Same as `enqueue`, except that the row is written where this store's are, in the transaction of its caller
        if there is one. Asked only where it `commits_with` the store."""


@runtime_checkable
class ParticularQueue(Protocol):
    """Says beforehand what it would refuse, so that a check can tell before a journey is concerned."""

    def check(self, options: Mapping[str, Any]) -> None:
        """Raises:
        ValueError: `enqueue` would refuse a ticket with these options.
        """


class HandedOver(NamedTuple):
    """What became of some tickets."""

    enqueued: int
    """How many the queue has now."""
    missed: Sequence[Ready]
    """Those for which it could not be reached."""


class Scheduler:
    """Hands tickets to a queue.

    Args:
        queue: of `stepper_motor.queues`.
        reraise: raise what a step raised to the queue, too, once it is settled and logged, so that the app's error
            tracker sees it there. What the queue does about it (a retry) finds a ticket that is out of date.
    """

    def __init__(self, queue: Queue, *, reraise: bool = False) -> None:
        # Not asked yet: a job system may be configured after this.
        if isinstance(queue, type) or any(getattr_static(queue, name, ASKED) is ASKED for name in ASKED):
            raise DefinitionError(f"a scheduler needs a queue, such as CeleryQueue(), got {queue!r}")
        if not isinstance(reraise, bool):
            raise DefinitionError(f"reraise must be True or False, got {reraise!r}")
        self.queue = queue
        self.reraise = reraise
        self._errands = Errands()
        self._in_vain = 0
        """How often in a row it could not be reached."""
        self._left_alone_until = 0.0
        """By `monotonic()`."""

    @property
    def horizon(self) -> timedelta | None:
        """How far ahead tickets are handed over; None: as far as you like."""
        return self.queue.max_delay

    def announce(self, motor: Motor, store: Store, ready: Sequence[Ready]) -> None:
        """Hand over those that became ready: in the caller's transaction where the queue can, else after its commit.

        Raises:
            Exception: they could not be written in the caller's transaction, which has to be rolled back.
        """
        near = [each for each in ready if self.is_near(each.due, motor.now())]
        if not near or self.queue.is_eager:
            return
        if (store.in_transaction() or store.in_test()) and self.queue.commits_with(store):
            for each in near:
                self._enqueue(motor, store, each)
        else:
            store.when_committed(lambda: self._have_handed_over(motor, store, near))

    def beside_a_worker(self, leave: Callable[[], object]) -> AbstractContextManager[None]:
        """Within the block, what becomes ready in this process is handed over by a thread of its own.

        A worker goes on with the database alone: its own threads must not wait for a broker that does not answer.

        Args:
            leave: called by that thread when it ends.
        """
        return self._errands.employed(leave)

    def _have_handed_over(self, motor: Motor, store: Store, ready: Sequence[Ready]) -> None:
        hand_over = partial(self._hand_over_if_reachable, motor, store, ready)
        if self.queue.commits_with(store):
            hand_over()  # its broker is the worker's own database
        elif not self._errands.do(hand_over):
            self._tell(motor, ready[0], "its ticket could not be handed over; the sweep will", None)

    def _hand_over_if_reachable(self, motor: Motor, store: Store, ready: Sequence[Ready]) -> None:
        if monotonic() >= self._left_alone_until:
            self.hand_over(motor, store, ready)

    def hand_over(
        self, motor: Motor, store: Store, ready: Sequence[Ready], *, ahead: timedelta = timedelta()
    ) -> HandedOver:
        """Enqueue these now. What can't be is reported: the sweep hands it over, as soon as it is overdue.

        Args:
            ahead: by how much this machine's clock is ahead of the database's, as far as that is known.
        """
        count, missed, in_vain = 0, list[Ready](), 0
        for place, each in enumerate(ready, 1):
            try:
                self._enqueue(motor, store, each, ahead)
                count, in_vain, self._in_vain, self._left_alone_until = count + 1, 0, 0, 0.0
            except ValueError as error:
                self._tell(motor, each, "the queue refused its ticket", error)
            except Exception as error:
                missed.append(each)
                in_vain, self._in_vain = in_vain + 1, self._in_vain + 1
                detail = "its ticket could not be handed over; the sweep will"
                if self._in_vain >= IN_VAIN:
                    self._left_alone_until = monotonic() + LEFT_ALONE
                    detail += f", and what becomes ready in the next {LEFT_ALONE:g} seconds as well"
                self._tell(motor, each, detail, error)
            if in_vain == IN_VAIN:
                missed += ready[place:]
                break
        if missed:
            store.let_go()  # a queue of rows may be in another database, which this thread's connection has lost
        return HandedOver(count, missed)

    def _tell(self, motor: Motor, ready: Ready, detail: str, error: Exception | None) -> None:
        motor.events.tell(
            Event(
                name="trouble", journey_type=ready.type, journey_id=ready.id, step=ready.step,
                detail=detail, error=error,
            )
        )  # fmt: skip

    def _enqueue(self, motor: Motor, store: Store, ready: Ready, ahead: timedelta = timedelta()) -> None:
        ticket = Ticket(store.table.full_name, str(ready.id), ready.fence, motor.name)
        due = ready.due + ahead
        at = _in_real_time(due) if due - motor.now() > real(AT_ONCE) else None
        enqueue = self.queue.enqueue
        if self.queue.commits_with(store):
            enqueue = partial(cast(QueueOfRows, self.queue).write, store)
        enqueue(str(ticket), at, store.registry.queue_options(ready.type, ready.step))

    def is_near(self, due: datetime, now: datetime) -> bool:
        """Whether a ticket for this time may be handed over now."""
        return self.horizon is None or due - now <= real(self.horizon)


def horizon_of(max_delay: Duration | None, *, endless: bool = False) -> timedelta | None:
    """The horizon that a queue was given.

    Args:
        endless: whether None is one: as far as you like.

    Raises:
        ValueError: it is none.
    """
    if max_delay is None and endless:
        return None
    try:
        return duration(max_delay)
    except (TypeError, ValueError) as error:
        raise ValueError(f"max_delay must be a timedelta or a number of seconds, got {max_delay!r}") from error


class ForwardScheduler(Scheduler):
    """Hands over a ticket as soon as a journey is ready, for the time its step is due, within the queue's horizon."""


class CyclicScheduler(Scheduler):
    """Hands over only what is due before the next cycle.

    Args:
        cycle_duration: how often the sweep runs (timedelta or seconds), whoever runs it: the built-in worker with
            `--dispatch-only`, cron, or a periodic task of the queue's.
    """

    def __init__(self, queue: Queue, *, cycle_duration: Duration, reraise: bool = False) -> None:
        super().__init__(queue, reraise=reraise)
        try:
            self.cycle_duration = duration(cycle_duration)
        except (TypeError, ValueError) as error:
            raise DefinitionError(f"cycle_duration: {error}") from error
        if not self.cycle_duration:
            raise DefinitionError("cycle_duration must be more than 0")
        if queue.max_delay and self.cycle_duration > queue.max_delay:
            raise DefinitionError(
                f"cycle_duration must be at most {queue.max_delay}, which is how far ahead {type(queue).__name__} can "
                f"be trusted with a ticket, got {self.cycle_duration}"
            )

    @property
    def horizon(self) -> timedelta | None:
        most = self.queue.max_delay
        return self.cycle_duration if most is None else min(self.cycle_duration, most)


def _in_real_time(at: datetime) -> datetime:
    """A time of the library's clock as this machine's clock will show it; queues know no other."""
    installed = clock.installed()
    if not installed.replaces_database:
        return at
    real = clock.SystemClock().now()
    return real + (at - installed.now()) / installed.speed
