"""The two workers, and what becomes of them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

from stage.board import Board
from stage.processes import Worker
from stepper_motor.django import Journey


@dataclass(frozen=True)
class Accident:
    """A worker died of SIGKILL in the middle of these steps."""

    victim: Worker
    steps: dict[int, str | None]
    """By the journeys' primary keys."""

    def is_over(self) -> bool:
        """Whether other workers have taken over all it had in its hands."""
        return not _held_by(self.victim).exists()


class Crew:
    """Two workers in processes of their own, from the block's start to its end."""

    def __init__(self, folder: Path, board: Board) -> None:
        self._folder = folder
        self._board = board
        self._started = 0
        self._taken_over = False
        self.workers: list[Worker] = []
        self.accident: Accident | None = None
        self.exit_codes: dict[str, int] = {}

    def __enter__(self) -> Crew:
        self._start_worker()
        self._start_worker()
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self.workers:
            worker.ask_to_stop()
        self.exit_codes = {worker.name: worker.wait() for worker in self.workers}

    def have_an_accident(self) -> None:
        """Kills the first worker in the middle of its steps; another takes its place, as a process manager would do."""
        victim = self.workers[0]
        self.accident = Accident(victim, _kill_in_the_middle(victim))
        self.workers.remove(victim)
        steps = Counter(self.accident.steps.values())
        held = ", ".join(f"{number} x {step}" for step, number in steps.most_common())
        self._board.say(f"SIGKILL for {victim} with {steps.total()} journeys in its hands: {held}")
        self._start_worker()

    def look_after_the_accident(self) -> None:
        """Tells the spectators once the dead worker's leases are over and others have taken its journeys."""
        if self.accident and not self._taken_over and self.accident.is_over():
            self._taken_over = True
            self._board.say(
                f"the {len(self.accident.steps)} journeys of the dead {self.accident.victim} are taken over"
            )

    def _start_worker(self) -> None:
        self._started += 1
        worker = Worker(self._started, folder=self._folder)
        self.workers.append(worker)
        self._board.say(f"{worker} starts, its log is {worker.log.name}")


def _kill_in_the_middle(worker: Worker) -> dict[int, str | None]:
    """Waits for a moment in which the worker has its hands full, and kills it in that moment.

    It is frozen to look what it holds: what is seen then is what it dies with.
    """
    began = time.monotonic()
    while True:
        worker.freeze()
        steps = dict(_held_by(worker).values_list("pk", "next_step_name"))
        patience_used = time.monotonic() - began
        if len(steps) >= 3 or (steps and patience_used > 1) or patience_used > 5:
            worker.kill()
            return steps
        worker.thaw()
        time.sleep(0.01)


def _held_by(worker: Worker) -> QuerySet[Journey[Any]]:
    return Journey.objects.filter(performed_by__contains=f":{worker.pid}:")
