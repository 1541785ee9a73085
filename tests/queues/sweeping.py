"""The sweep, run by the test; and what it takes a minute for, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from time import monotonic
from typing import Any

from django.db.models import F, QuerySet

from stepper_motor.django import Journey, motor
from stepper_motor.django.models import Ticket
from stepper_motor.motor.housekeeping import Housekeeper, Housekept
from tests.conditions import wait_until

A_SECOND = timedelta(seconds=1)
LIMIT = 60.0
"""Seconds until a test gives up: its machine may be busy, and job systems take their time after an outage."""
LONGEST_PAUSE = 4.0
"""Seconds between two sweeps of a test."""


def keep_house() -> Housekept:
    """As cron does: recover, hand over, delete."""
    return Housekeeper(motor()).keep()


def be_overdue() -> None:
    """All that is due and unclaimed became so two minutes ago, and was handed over longer ago than that."""
    ago = timedelta(minutes=2)
    QuerySet.update(
        Journey.objects.due(),
        next_step_to_be_performed_at=F("next_step_to_be_performed_at") - ago, updated_at=F("updated_at") - ago,
    )  # fmt: skip
    Ticket.objects.all().delete()


class Sweeper:
    """Sweeps for as long as somebody waits; a sweep finds everything overdue.

    The pauses grow: a slow worker has to come to an end with what it was handed, before it is handed that again.
    """

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self._pause = A_SECOND.total_seconds()
        self._next = monotonic()
        self._then = then

    def __call__(self) -> None:
        if monotonic() < self._next:
            return
        be_overdue()
        keep_house()
        self._then()
        self._next = monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


def state_of(journey: Any) -> str:
    return str(Journey.objects.values_list("state", flat=True).get(pk=journey.pk))


def wait_for_end(*journeys: Any, sweep: Callable[[], None] | None = None, limit: float = LIMIT) -> None:
    """Until all of them are finished; meanwhile `sweep()` again and again."""

    def ended() -> bool:
        if sweep:
            sweep()
        return not Journey.objects.filter(pk__in=_keys(journeys)).exclude(state="finished").exists()

    wait_until(ended, limit=limit, what=f"{len(journeys)} journeys have ended")


def _keys(journeys: Iterable[Any]) -> list[Any]:
    return [journey.pk for journey in journeys]
