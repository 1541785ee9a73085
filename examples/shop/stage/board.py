"""What the spectators see meanwhile: a table, refreshed on a terminal, printed now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from shop import journeys
from shop.clock import now
from stepper_motor import State
from stepper_motor.django import Journey

KINDS: tuple[type[Journey[Any]], ...] = (
    journeys.SignupJourney,
    journeys.ReengagementJourney,
    journeys.ChurnPreventionJourney,
    journeys.AccountErasureJourney,
    journeys.PaymentJourney,
)
STATES = (State.READY, State.PERFORMING, State.PAUSED, State.CANCELED, State.FINISHED)


class Board:
    def __init__(self, *, opening: datetime, length: timedelta) -> None:
        self._opening = opening
        self._length = length
        self._on_a_terminal = sys.stdout.isatty()
        self._refresh_after = 0.25 if self._on_a_terminal else 8.0
        self._last_shown = time.monotonic()
        self._lines_shown = 0

    @property
    def day(self) -> float:
        return (now() - self._opening) / timedelta(days=1)

    def say(self, line: str) -> None:
        self._wipe()
        print(f"day {self.day:4.1f}  {line}", flush=True)

    def show(self, *, finally_: bool = False) -> None:
        """Shows the table, if it was not shown just now."""
        if not finally_ and time.monotonic() - self._last_shown < self._refresh_after:
            return
        lines = self._table()
        self._wipe()
        print("\n".join(lines), flush=True)
        self._last_shown = time.monotonic()
        self._lines_shown = 0 if finally_ else len(lines)

    def _wipe(self) -> None:
        if self._on_a_terminal and self._lines_shown:
            print(f"\x1b[{self._lines_shown}A\x1b[J", end="")
        self._lines_shown = 0

    def _table(self) -> list[str]:
        head = f"day {self.day:4.1f} of {self._length.days}"
        return ["", f"{head:26}" + _cells(STATES), *map(_row, KINDS)]


def _row(kind: type[Journey[Any]]) -> str:
    numbers = dict(kind.objects.order_by().values_list("state").annotate(number=Count("pk")))
    return f"  {kind.__name__:24}" + _cells(numbers.get(state, ".") for state in STATES)


def _cells(values: Iterable[object]) -> str:
    return "".join(f"{value:>12}" for value in values)
