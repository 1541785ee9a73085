"""A file in which steps write what they do: it outlives a killed process and needs no database.

Beside it lie the gates: files for which a step waits, so that a test decides how long it runs.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.conditions import wait_until

FOLDER = "STEPPER_MOTOR_TEST_FOLDER"


def folder() -> Path:
    return Path(os.environ[FOLDER])


def write(journey: object, word: str) -> None:
    """One line, in one write: lines of many processes never mix."""
    line = f"{journey} {word}\n".encode()
    file = os.open(folder() / "diary", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def lines() -> list[tuple[str, str]]:
    """(journey, word) in the order they were written."""
    try:
        text = (folder() / "diary").read_text()
    except FileNotFoundError:
        return []
    return [(journey, word) for journey, _, word in (line.partition(" ") for line in text.splitlines())]


def counts() -> Counter[tuple[str, str]]:
    return Counter(lines())


def words(journey: object = None) -> list[str]:
    """What was written, by this journey or by all."""
    return [word for who, word in lines() if journey is None or who == str(journey)]


def open_gate(name: str = "gate") -> None:
    (folder() / name).touch()


def is_open(name: str = "gate") -> bool:
    return (folder() / name).exists()


def pass_gate(name: str = "gate", *, limit: float = 60.0) -> None:
    wait_until(lambda: is_open(name), limit=limit, what=f"gate {name!r}")
