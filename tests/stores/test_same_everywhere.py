"""The same random journey has the same rows and the same history in every home, to the letter.

Each is performed in memory and in the home under test, by the same moves: steps that end in every way a step can end,
people's verbs between and during them, losses and recoveries, workers, a clock that is moved. After each move
everything that can be seen must be equal: all columns of the row (fences by their order), the data, the whole history
(but for tracebacks, and for the names of workers), what bodies and hooks have said, and how the journey explains itself.

    STEPPER_MOTOR_JOURNEYS    how many journeys (30); some thousands make a soak
    STEPPER_MOTOR_SEED        the seed of the first (1); the message of a failure names the one that failed
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.stores.memory_home import MemoryHome
from tests.stores.playing import PlayingHome
from tests.stores.wandering import Step, Wandering

JOURNEYS = int(os.environ.get("STEPPER_MOTOR_JOURNEYS", "30"))
SEED = int(os.environ.get("STEPPER_MOTOR_SEED", "1"))


def test_a_journey_is_the_same_in_memory_and_in_django(django_home):
    _compare(django_home)


def test_a_journey_is_the_same_in_memory_and_in_sqlalchemy(sqlalchemy_home):
    _compare(sqlalchemy_home)


@pytest.mark.pure
def test_a_journey_that_is_made_up_again_is_the_same():
    _compare(MemoryHome())


def _compare(home: PlayingHome) -> None:
    memory = MemoryHome()
    ours: dict[int, Any] = {}
    theirs: dict[int, Any] = {}
    for seed in range(SEED, SEED + JOURNEYS):
        expected, found = Wandering(memory, seed, ours).play(), Wandering(home, seed, theirs).play()
        assert found == expected, f"STEPPER_MOTOR_SEED={seed} STEPPER_MOTOR_JOURNEYS=1\n{_where(expected, found)}"


def _where(expected: list[Step], found: list[Step]) -> str:
    """The moves up to the one after which they differ, and what is different."""
    lines: list[str] = []
    for one, other in zip(expected, found, strict=False):
        lines.append(f"{one.move}: {one.answer}")
        different = [name for name, a, b in zip(Step._fields, one, other, strict=True) if a != b]
        if different:
            return "\n".join([*lines, *(_both(name, one, other) for name in different)])
    return "\n".join([*lines, f"{len(expected)} moves in memory, {len(found)} here"])


def _both(name: str, one: Step, other: Step) -> str:
    ours, theirs = getattr(one, name), getattr(other, name)
    if name == "row":
        ours, theirs = ({k: v for k, v in row.items() if ours[k] != theirs[k]} for row in (ours, theirs))
    return f"{name}\n  in memory: {ours!r}\n  here:      {theirs!r}"
