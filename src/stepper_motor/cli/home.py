"""What the commands ask of those who offer them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from stepper_motor.motor.motor import Motor
from stepper_motor.motor.worker import Worker

Write = Callable[[str], object]
"""Writes lines where the command's output goes, and ends the last one."""


class Home(Protocol):
    """Where the journeys are kept that are moved."""

    def motor(self, types: Sequence[str] | None) -> Motor:
        """The motor; with `types`, one that knows these alone.

        Raises:
            DefinitionError: one of them is not known.
        """

    def listening(self, worker: Worker) -> AbstractContextManager[object]:
        """Within the block the worker is woken by commits elsewhere, where the database can."""


class Program(Home, Protocol):
    """A home, and a way to start this program once more."""

    def command(self) -> list[str]:
        """How to start this program anew; the arguments of a command of ours follow."""


@dataclass(frozen=True)
class Started:
    """The program of a home that does not know how it was started."""

    home: Home
    anew: list[str]

    def motor(self, types: Sequence[str] | None) -> Motor:
        return self.home.motor(types)

    def listening(self, worker: Worker) -> AbstractContextManager[object]:
        return self.home.listening(worker)

    def command(self) -> list[str]:
        return self.anew
