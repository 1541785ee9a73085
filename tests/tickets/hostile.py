"""A queue that does everything a queue should not do, and journeys that end all the same.

It loses tickets, doubles them, hands them out late, early, or without their delay, and in any order; it is away for a
while; and now and then who hands it a ticket dies in that moment. Everything is drawn from seeded generators, what the
steps do as well: so a voyage can be made again without a queue, and has to end in the same way.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from stepper_motor import Reattempt, now, step
from stepper_motor.journeys.row import Row, State
from stepper_motor.motor.clock import SetClock, installing
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.ports import JourneyId, Store, Wanted
from stepper_motor.motor.schedulers import CyclicScheduler, ForwardScheduler, Scheduler
from stepper_motor.motor.ticket import Ticket
from tests.clock import NOON
from tests.tickets.keeping import Unreachable

ITINERARIES = 30
TICK = timedelta(seconds=5)
"""Everything happens at multiples of this: a ticket that is only a moment early would be waited for in real time."""
WAITS = [None, None, None, 5, 60, 300, 3600, timedelta(days=2), timedelta(days=60)]
HORIZONS = [None, timedelta(hours=1), timedelta(minutes=10), timedelta(days=7)]
A_MINUTE = timedelta(minutes=1)
LIMIT = 3_000
"""Moments that a voyage may have."""
TIMES = ("next_step_to_be_performed_at", "arrived_at", "lease_expires_at", "updated_at", "ended_at", "fence")
"""What is different each time."""


class Death(BaseException):
    """Who hands something to the queue dies in that moment."""


class HostileQueue:
    """Keeps its jobs in a heap by the time when it will hand them out, if at all."""

    is_eager = False

    def __init__(self, random: Random, clock: SetClock, max_delay: timedelta | None) -> None:
        self.max_delay = max_delay
        self._random = random
        self._clock = clock
        self._heap: list[tuple[datetime, float, str]] = []
        self._away_until = NOON
        self.loses, self.doubles, self.drops_delays, self.dies = (random.choice([0, 0.2, 0.6]) for _ in range(4))
        self.handed_in: dict[str, list[datetime]] = {}
        """When each ticket came, by its fence."""

    def commits_with(self, store: Store) -> bool:
        return False

    def enqueue(self, ticket: str, at: datetime | None, options: Mapping[str, Any]) -> None:
        random, now = self._random, self._clock.now()
        if now >= self._away_until and random.random() < 0.02:
            self._away_until = now + random.choice([TICK, A_MINUTE, timedelta(hours=3)])
        if now < self._away_until:
            raise Unreachable("no broker")
        if random.random() < self.dies / 10:
            raise Death
        self.handed_in.setdefault(Ticket.read(ticket).fence, []).append(now)
        if random.random() < self.loses:
            return
        for _ in range(random.choice([2, 3]) if random.random() < self.doubles else 1):
            heapq.heappush(self._heap, (self._when(at, now), random.random(), ticket))

    def _when(self, at: datetime | None, now: datetime) -> datetime:
        """The time that was asked for is real time, and the clock stands still: the delay is what counts."""
        random = self._random
        delay = timedelta() if at is None else _on_a_tick(at - datetime.now(at.tzinfo))
        if random.random() < self.drops_delays:
            delay = timedelta()
        elif random.random() < 0.2:
            delay = _on_a_tick(delay * random.uniform(0, 1.5))
        late = random.choice([0, 0, 0, 0, 1, 30, 2000]) * TICK
        return now + delay + late

    @property
    def next_at(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None

    def taken(self) -> Iterator[str]:
        """The jobs whose time has come, as it sees it."""
        while self._heap and self._heap[0][0] <= self._clock.now():
            yield heapq.heappop(self._heap)[2]


class Ended(NamedTuple):
    """What there is to see of a journey when nothing happens any more."""

    row: dict[str, Any]
    data: str
    history: list[tuple[Any, ...]]


class Stage(ABC):
    """A home, as far as voyages need one."""

    @property
    @abstractmethod
    def motor(self) -> Motor: ...

    @abstractmethod
    def has(self, scheduler: Scheduler | None) -> Any:
        """Within the block, a motor with this scheduler and no journeys."""

    @abstractmethod
    def define(self, number: int) -> Any:
        """The journey class whose members are those of the itinerary of this number, always the same."""

    @abstractmethod
    def start(self, cls: Any, data: Any) -> JourneyId: ...

    @abstractmethod
    def store_of(self, cls: Any) -> Store: ...

    def call(self, function: Callable[[], Any]) -> Any:
        """Call it where a process of the queue would."""
        return function()


class Voyage:
    """The journeys of a seed, up to three."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.seed = seed
        self.random = Random(f"voyage {seed}")
        numbers = [self.random.randrange(ITINERARIES) for _ in range(self.random.choice([1, 1, 1, 1, 2, 3]))]
        self.classes = [stage.define(number) for number in numbers]
        self.store: Store
        self.ids: list[JourneyId] = []
        self.clock = SetClock(NOON)

    def without_a_queue(self) -> list[Ended]:
        """Each step when it is due, one after another."""
        with installing(self.clock), self.stage.has(None):
            self._start()
            for _ in range(LIMIT):
                due = self._soonest_due()
                if due is None:
                    return [self._ended(id) for id in self.ids]
                self.clock.set(max(due, self.clock.now()))
                for id in self.ids:
                    self.stage.call(lambda id=id: self.stage.motor.attempt_in(self.store, id))
        raise AssertionError(f"voyage {self.seed} does not end by itself")

    def with_a_hostile_queue(self) -> list[Ended]:
        """Tickets as they come, and sweeps by two processes from time to time."""
        queue = HostileQueue(self.random, self.clock, self.random.choice(HORIZONS))
        with installing(self.clock), self.stage.has(self._scheduler(queue)):
            with suppress(Death):
                self._start(queue)
            for _ in range(LIMIT):
                if self._soonest_due() is None:
                    break
                self._pass_time(queue)
            assert self._soonest_due() is None, f"voyage {self.seed} does not end"
            for job in queue.taken():  # whatever comes too late
                self.stage.call(lambda job=job: self.stage.motor.perform_ticket(job))
            self._check(queue)
            return [self._ended(id) for id in self.ids]

    def _scheduler(self, queue: HostileQueue) -> Scheduler:
        if self.random.random() < 0.5:
            return ForwardScheduler(queue)
        return CyclicScheduler(queue, cycle_duration=self.random.choice([30, 60, 300]))

    def _start(self, queue: HostileQueue | None = None) -> None:
        self.store = self.stage.store_of(self.classes[0])
        for number, cls in enumerate(self.classes):
            try:
                self.ids.append(self.stage.start(cls, {"seed": f"{self.seed} {number}", "said": []}))
            except Death:
                self.ids.append(self._youngest())

    def _youngest(self) -> JourneyId:
        """It is committed, and its starter is dead."""
        (record, *_) = self.store.find(Wanted(), 1)
        return record.id

    def _pass_time(self, queue: HostileQueue) -> None:
        """To the next moment at which something may happen."""
        self.clock.set(self._next_moment(queue))
        for job in queue.taken():
            with suppress(Death):
                self.stage.call(lambda job=job: self.stage.motor.perform_ticket(job))
        if self.random.random() < 0.7:
            keeper = Housekeeper(self.stage.motor)
            for keep in (keeper.sweep, self.random.choice([keeper.sweep, keeper.keep])):
                with suppress(Death):
                    self.stage.call(keep)

    def _next_moment(self, queue: HostileQueue) -> datetime:
        """The next ticket, or a sweep: at the latest when something is overdue, at random before that."""
        time, due = self.clock.now(), self._soonest_due()
        assert due is not None
        horizon = self.stage.motor.scheduler.horizon  # type: ignore[union-attr]
        moments = [time + self.random.choice([1, 1, 10, 60]) * A_MINUTE, *([queue.next_at] if queue.next_at else [])]
        if due > time + A_MINUTE:
            moments[0] = due + A_MINUTE
            if horizon is not None and due - horizon > time:
                moments.append(due - horizon)
        if self.random.random() < 0.2:
            moments.append(time + self.random.choice([TICK, 6 * TICK, timedelta(hours=1)]))
        return max(min(moments), time)

    def _check(self, queue: HostileQueue) -> None:
        """No ticket comes oftener than it may: when it became ready, once when it came early, and then by the sweep."""
        for fence, times in queue.handed_in.items():
            gaps = [later - earlier for earlier, later in pairwise(times[1:])]
            assert all(gap >= A_MINUTE for gap in gaps), f"voyage {self.seed}: ticket {fence} comes too often: {times}"

    # ---------------------------------------------------------------------------------------------- what is seen

    def _soonest_due(self) -> datetime | None:
        rows: list[Row] = [journey._row for journey in self.store.load(self.ids).values()]
        ready = [row.next_step_to_be_performed_at for row in rows if row.state is State.READY]
        return min((due for due in ready if due is not None), default=None)

    def _ended(self, id: JourneyId) -> Ended:
        (record,) = self.store.find(Wanted(id=id), 1)
        row = {name: value for name, value in record.row._asdict().items() if name not in TIMES}
        history = [
            (entry.step_name, entry.attempt, entry.outcome, entry.reason, entry.error_class, entry.message)
            for entry in self.store.entries(id, 1000)
        ]
        return Ended(row, record.data, history)


def _on_a_tick(delay: timedelta) -> timedelta:
    return round(max(delay, timedelta()) / TICK) * TICK


# ------------------------------------------------------------------------------------------------------ the journeys


def itinerary(number: int) -> dict[str, Any]:
    """The members of a journey class; the same for the same number."""
    random = Random(f"itinerary {number}")
    return {f"step_{place}": _step(random, f"step {place}") for place in range(random.randint(1, 6))}


def _step(random: Random, name: str) -> Any:
    options: dict[str, Any] = {"name": name, "wait": random.choice(WAITS)}
    if random.random() < 0.1:
        options = {"name": name, "at": lambda journey: now() + timedelta(hours=1)}
    options |= random.choice([{}, {}, {}, {"skip_if": _skips}, {"atomic": True}])
    options["on_exception"] = random.choice(
        [Reattempt(wait=30, backoff=2, jitter=0, max_attempts=3, then="pause"), "skip", "cancel", "pause"]
    )
    return step(random.choice([*[_body] * 7, _async_body]), **options)


def _of(journey: Any, what: str) -> Random:
    """What this attempt at this step does is the same wherever, and whenever, it is performed."""
    row = journey._row
    return Random(f"{what} {journey.data['seed']} {row.next_step_name} {row.round} {row.attempts} {row.steps_entered}")


def _skips(journey: Any) -> bool:
    return _of(journey, "condition").random() < 0.2


async def _async_body(journey: Any) -> Any:
    return _body(journey)


def _body(journey: Any) -> Any:
    random, row = _of(journey, "body"), journey._row
    early = " too early" if row.next_step_to_be_performed_at > now() else ""
    journey.data = {**journey.data, "said": [*journey.data["said"], f"{row.next_step_name}{early}"]}
    return random.choice([*[_goes_on] * 12, *WAYS])(journey, random)


def _goes_on(journey: Any, random: Random) -> None: ...


def _fails(journey: Any, random: Random) -> None:
    raise ConnectionError("no answer")


WAYS: list[Callable[[Any, Random], Any]] = [
    _fails,
    _fails,
    lambda journey, random: journey.reattempt(random.choice([0, 5, 3600])),
    lambda journey, random: journey.jump_to(random.choice(journey.steps.names)),
    lambda journey, random: journey.skip(),
    lambda journey, random: journey.finish(),
    lambda journey, random: journey.pause("enough"),
    lambda journey, random: journey.cancel("no more"),
]


@contextmanager
def told(seed: int) -> Iterator[None]:
    """Whatever goes wrong in the block names the seed of the voyage."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"voyage {seed}: {error!r}") from error
