"""Journeys that the workers of job systems perform. What they did stands in the diary."""

from __future__ import annotations

import os
from datetime import timedelta

from stepper_motor import step
from stepper_motor.django import Journey
from tests.shop.models import Customer
from tests.worker import diary


class Sprint(Journey[Customer]):
    """Three steps, due at once."""

    @step
    def one(self):
        diary.write(self.pk, "one")

    @step
    def two(self):
        diary.write(self.pk, "two")

    @step
    def three(self):
        diary.write(self.pk, "three")


class Stroll(Journey[Customer]):
    """Three steps with a wait before each but the first."""

    @step
    def one(self):
        diary.write(self.pk, "one")

    @step(wait=0.3)
    def two(self):
        diary.write(self.pk, "two")

    @step(wait=0.3)
    def three(self):
        diary.write(self.pk, "three")


class Pilgrimage(Journey[Customer]):
    """Its second step is a year away: no queue is to hear of it."""

    @step
    def leave(self):
        diary.write(self.pk, "left")

    @step(wait=timedelta(days=365))
    def arrive(self):
        diary.write(self.pk, "arrived")


class HeldOnce(Journey[Customer]):
    """Its step is held at a gate of its own in its first attempt only, under a short lease."""

    lease = timedelta(seconds=2)

    @step
    def hold(self):
        diary.write(self.pk, "began")
        if self.attempts == 0:
            diary.pass_gate(f"gate {self.pk}")
        diary.write(self.pk, "ended")

    @step
    def go_on(self):
        diary.write(self.pk, "went on")


class CanceledIfLost(Journey[Customer]):
    lease = timedelta(seconds=2)
    if_lost = "cancel"

    @step
    def hold(self):
        diary.write(self.pk, "began")
        diary.pass_gate(f"gate {self.pk}")


class Deadly(Journey[Customer]):
    """Takes its whole process with it, every time."""

    lease = timedelta(seconds=1)

    @step
    def die(self):
        diary.write(self.pk, "dies")
        os._exit(9)


class Failing(Journey[Customer]):
    """Its step raises, and the journey is paused."""

    @step
    def fail(self):
        diary.write(self.pk, "began")
        raise RuntimeError(f"no luck on {self.pk}")


class Async(Journey[Customer]):
    @step
    async def one(self):
        diary.write(self.pk, "one")

    @step
    async def two(self):
        diary.write(self.pk, "two")
