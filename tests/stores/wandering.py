"""One random journey through one home, move by move, and what stood in the table after each."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from stepper_motor.journeys.errors import InvalidState
from stepper_motor.journeys.row import Entry, Row, State, Transition
from stepper_motor.motor.clock import SetClock, installing
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.ports import JourneyId, Record, Wanted
from stepper_motor.motor.worker import Worker
from stepper_motor.testing import run_due
from tests.stores.itineraries import REASONS, SPANS, ConnectionRefused, itinerary, script
from tests.stores.playing import PlayingHome

ITINERARIES = 40
"""How many classes there are; each journey is of one of them."""
MOVES = 16
DEAD = "a worker that dies"
PEOPLE = ("Ada", "Grace", DEAD, None)
BEGIN = datetime(2031, 3, 1, 9, 30, 0, 123_456, tzinfo=UTC)
VERBS = ("pause", "resume", "resume", "cancel", "skip", "reattempt", "reschedule", "jump_to", "jump_to", "finish")


class Step(NamedTuple):
    """A move, and everything that could be seen after it."""

    move: str
    answer: str
    row: dict[str, Any]
    data: Any
    history: list[dict[str, Any]]
    said: list[str]
    explained: str


class Wandering:
    """Plays the journey of a seed in a home."""

    def __init__(self, home: PlayingHome, seed: int, classes: dict[int, Any]) -> None:
        """`classes` are those of this home by the numbers of their itineraries, as far as they were needed yet."""
        self.home = home
        self.random = Random(f"moves {seed}")
        self.seed = seed
        number = seed % ITINERARIES
        if number not in classes:
            classes[number] = home.define(f"Wander{number}", itinerary(number))
        self.cls = classes[number]
        self.store = home.store_of(self.cls)
        self.clock = SetClock(BEGIN)
        self.fences: list[str] = []

    def play(self) -> list[Step]:
        """Begin, make all the moves, and leave nothing behind."""
        with installing(self.clock):
            script.begin(self.seed, self._intervene)
            self.hero = self.home.hero()
            try:
                self.id: JourneyId = self.home.start(self.cls, self.hero, data={"seed": self.seed})
            except ConnectionRefused as error:  # the wait of its first step
                return [Step("start", _told(error), {}, None, [], script.said, "")]
            steps = [self._step("start", "")]
            for _ in range(MOVES):
                steps.append(self._move())
            self._end()
        return steps

    def _move(self) -> Step:
        row = self._record().row
        move, make = self.random.choice(self._moves(row))
        random.seed(self.random.random())  # back-offs are spread by chance
        try:
            answer = str(make())
        except BaseException as error:
            answer = _told(error)
        return self._step(move, answer)

    def _moves(self, row: Row) -> list[tuple[str, Callable[[], Any]]]:
        moves: list[tuple[str, Callable[[], Any]]] = [
            ("wait", lambda: self.clock.move(_length(self.random.choice(SPANS)))),
            ("recover", lambda: Housekeeper(self.home.motor).recover()),
            ("verb", lambda: self._verb(self.random.choice(VERBS))),
            ("work", self._work),
        ]
        if row.state is State.READY:
            moves += [("perform", self._perform)] * 10 + [("work when due", self._work_when_due)] * 2
            moves += [("claim and die", self._claim)] * 2 + [("a worker works", self._let_a_worker_work)]
        elif row.held:
            moves += [("the lease ends", lambda: self.clock.move(timedelta(seconds=95)))] * 3
        else:
            moves += [("verb", lambda: self._verb("resume" if row.state.ongoing else "jump_to"))] * 10
        if self.random.randrange(60) == 0:
            moves = [("the hero goes", lambda: self.home.delete_hero(self.hero))]
        return moves

    def _perform(self) -> Any:
        due = self._record().row.next_step_to_be_performed_at
        if due is not None and self.random.random() < 0.8:
            self.clock.set(max(due, self.clock.at))
        return self.home.perform(self.store, self.id)

    def _work(self) -> Any:
        return [
            (each.step, each.outcome.name, each.at) for each in run_due(motor=self.home.motor, limit=6, reraise=False)
        ]

    def _work_when_due(self) -> Any:
        due = self._record().row.next_step_to_be_performed_at
        assert due is not None
        self.clock.set(max(due, self.clock.at))
        return self._work()

    def _claim(self) -> Any:
        claim = self.store.claim(self.id, None, DEAD)
        return claim and (claim.due, claim.now)

    def _let_a_worker_work(self) -> None:
        """With all its threads: what is due at once after another is run on."""
        worker = Worker(self.home.motor, concurrency=1)

        def run() -> None:
            worker.run(once=True)
            self.store.close()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()

    def _verb(self, verb: str) -> Any:
        told: dict[str, Any] = {"by": "Ada", "reason": self.random.choice(REASONS)}
        if verb in ("reattempt", "jump_to") and self.random.random() < 0.5:
            told["wait"] = self.random.choice(SPANS)
        if verb == "reschedule" and self.random.random() < 0.5:
            told["at"] = self.clock.at + _length(self.random.choice(SPANS))
        if verb == "jump_to" and self.random.random() < 0.7:
            told["step"] = self.random.choice(self.cls.steps.names)
        return f"{verb} {told}: {self._intervene(verb, **told)}"

    def _intervene(self, verb: str, **told: Any) -> Any:
        try:
            return self.home.intervene(self.store, self.id, verb, **told)
        except Exception as error:
            return _told(error)

    def _end(self) -> None:
        """No row of this journey gets in the way of the next."""
        self.store.change(self.id, _ended)
        assert self.store.delete_ended([self.id], self.clock.at) == 1

    # ------------------------------------------------------------------------------------------ what is seen

    def _step(self, move: str, answer: str) -> Step:
        record = self._record()
        return Step(
            f"{move} at {self.clock.at}", answer, self._row(record.row), json.loads(record.data),
            [self._entry(entry) for entry in self.store.entries(self.id, 1000)], list(script.said),
            self.home.explain(self.store, self.id),
        )  # fmt: skip

    def _record(self) -> Record:
        (record,) = self.store.find(Wanted(id=self.id), 1)
        return record

    def _row(self, row: Row) -> dict[str, Any]:
        """Fences are numbered as they come; the names of workers are their own."""
        if row.fence not in self.fences:
            self.fences.append(row.fence)
        return {**row._asdict(), "fence": self.fences.index(row.fence), "performed_by": _who(row.performed_by)}

    def _entry(self, entry: Entry) -> dict[str, Any]:
        return {**entry._asdict(), "by": _who(entry.by), "traceback": entry.traceback is not None}


def _who(name: str | None) -> str | None:
    return name if name in PEOPLE else "a worker"


def _told(error: BaseException) -> str:
    """What does not tell keys, or a driver's own words."""
    return f"{type(error).__name__}: {error}" if isinstance(error, InvalidState | ValueError) else type(error).__name__


def _length(span: Any) -> timedelta:
    return span if isinstance(span, timedelta) else timedelta(seconds=span)


def _ended(row: Row, now: datetime) -> Transition:
    return Transition(row._replace(state=State.CANCELED, ended_at=now, performed_by=None, lease_expires_at=None))
