"""A small journey class, and callables that take a journey, for the tests of definitions. No ORM."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from stepper_motor.journeys.steps import Step, Steps, step


class Journey:
    def __init__(self) -> None:
        self.did: list[str] = []


def send_mail(journey: Any) -> str:
    """Sends a mail."""
    journey.did.append("mail")
    return "sent"


async def send_letter(journey: Any) -> str:
    await asyncio.sleep(0)
    journey.did.append("letter")
    return "posted"


def found(cls: type, name: str) -> Step:
    step = Steps.of(cls).find(name)
    assert step is not None
    return step


class Signup(Journey):
    @step
    def welcome(self) -> int:
        self.did.append("welcome")
        return 1

    @step(wait=timedelta(days=2), skip_if="is_active")
    async def remind(self) -> str:
        self.did.append("remind")
        return "reminded"

    @step()
    def complete(self) -> None:
        self.did.append("complete")

    def is_active(self) -> bool:
        return False
