"""The workers, what runs beside them, and what becomes of them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stage.board import Board
from stage.processes import Process
from stage.staff import Command, Staff
from stepper_motor.django import Journey

AT_REST = 0.25
"""Seconds after which what a frozen worker had sent to the database is written there."""


@dataclass(frozen=True)
class Accident:
    """A worker died of SIGKILL in the middle of these steps."""

    victim: Process
    steps: dict[int, str | None]
    """By the journeys' primary keys."""
    performers: frozenset[str]
    """As the journeys' rows name them."""

    def is_over(self) -> bool:
        """Whether other workers have taken over all it had in its hands."""
        return not Journey.objects.filter(performed_by__in=self.performers).exists()


class Crew:
    """Workers in processes of their own, and what runs beside them, from the block's start to its end."""

    def __init__(self, staff: Staff, folder: Path, board: Board) -> None:
        self._staff = staff
        self._folder = folder
        self._board = board
        self._started = 0
        self._taken_over = False
        self._beside: list[Process] = []
        self.workers: list[Process] = []
        self.accident: Accident | None = None
        self.exit_codes: dict[str, int] = {}

    def __enter__(self) -> Crew:
        for name, command in self._staff.beside.items():
            self._beside.append(self._start(name, command))
        for _ in range(self._staff.workers):
            self._start_worker()
        return self

    def __exit__(self, *exception: object) -> None:
        processes = self.workers + self._beside
        for process in processes:
            process.ask_to_stop()
        self.exit_codes = {process.name: process.wait() for process in processes}

    def have_an_accident(self) -> None:
        """Kills the first worker in the middle of its steps; another takes its place, as a process manager would do."""
        victim = self.workers[0]
        self.accident = _kill_in_the_middle(victim, hands=self._staff.hands)
        self.workers.remove(victim)
        steps = Counter(self.accident.steps.values())
        held = ", ".join(f"{number} x {step}" for step, number in steps.most_common())
        self._board.say(f"SIGKILL for {victim} with {_journeys(steps.total())} in its hands: {held}")
        self._start_worker()

    def look_after_the_accident(self) -> None:
        """Tells the spectators once the dead worker's leases are over and others have taken its journeys."""
        if self.accident and not self._taken_over and self.accident.is_over():
            self._taken_over = True
            journeys = _journeys(len(self.accident.steps))
            self._board.say(f"taken over: {journeys} of the dead {self.accident.victim}")

    def _start_worker(self) -> None:
        self._started += 1
        self.workers.append(self._start(f"worker {self._started}", self._staff.worker))

    def _start(self, name: str, command: Command) -> Process:
        process = Process(name, command, folder=self._folder)
        self._board.say(f"{process} starts, its log is {process.log.name}")
        return process


def _kill_in_the_middle(worker: Process, *, hands: int) -> Accident:
    """Waits for a moment in which the worker has its hands full, and kills it in that moment.

    It is frozen to look what it holds: what is seen then is what it dies with.
    """
    began = time.monotonic()
    while True:
        worker.freeze()
        patience_used = time.monotonic() - began
        enough = max(hands - 1, 1) if patience_used < 1 else 1
        if len(_held_by(worker)) >= enough or patience_used > 15:
            time.sleep(AT_REST)
            held = _held_by(worker)
            if len(held) >= enough or patience_used > 15:
                worker.kill()
                return Accident(
                    worker,
                    {key: step for key, step, _ in held},
                    frozenset(performer for _, _, performer in held),
                )
        worker.thaw()
        time.sleep(0.01)


def _held_by(worker: Process) -> list[tuple[int, str | None, str]]:
    """The journeys that it performs, with their steps, and who it says performs them: host:pid:random."""
    held = Journey.objects.exclude(performed_by=None).values_list("pk", "next_step_name", "performed_by")
    return [(key, step, by) for key, step, by in held if by and worker.owns(int(by.split(":")[1]))]


def _journeys(number: int) -> str:
    return f"{number} journey{'' if number == 1 else 's'}"
