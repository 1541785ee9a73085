"""Journeys that these tests' worker processes perform. What they did stands in the diary."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import timedelta

from asgiref.sync import sync_to_async

from stepper_motor import step
from stepper_motor.django import Journey
from tests.shop.models import Customer, Spy
from tests.worker import diary


class Short(Journey[Customer]):
    """Three steps that are over at once."""

    @step
    def one(self):
        diary.write(self.pk, "one")

    @step
    def two(self):
        diary.write(self.pk, "two")

    @step
    def three(self):
        diary.write(self.pk, "three")


class Gated(Journey[Customer]):
    """Its first step runs until the gate is opened, under a short lease."""

    lease = timedelta(seconds=2)

    @step
    def hold(self):
        diary.write(self.pk, "began")
        diary.pass_gate()
        self.data["held"] = True
        diary.write(self.pk, "ended")

    @step
    def go_on(self):
        diary.write(self.pk, "went on")


class GatedOnce(Journey[Customer]):
    """Held at the gate in its first attempt only; a later one passes."""

    lease = timedelta(seconds=2)

    @step
    def hold(self):
        diary.write(self.pk, "began")
        if self.attempts == 0:
            diary.pass_gate()
        diary.write(self.pk, "ended")

    @step
    def go_on(self):
        diary.write(self.pk, "went on")


class GatedAsync(Journey[Customer]):
    """The same, awaited; it never passes the gate by itself within a test."""

    lease = timedelta(seconds=2)

    @step
    async def hold(self):
        diary.write(self.pk, "began")
        try:
            while not diary.is_open():
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            diary.write(self.pk, "cancelled")
            raise
        diary.write(self.pk, "ended")


class Stubborn(Journey[Customer]):
    """Takes an hour, whatever is thrown into it."""

    @step
    def endure(self):
        diary.write(self.pk, "began")
        threading.Event().wait(3600)


class StubbornAsync(Journey[Customer]):
    """The same on the event loop: in a thread that no cancellation reaches."""

    @step
    async def endure(self):
        diary.write(self.pk, "began")
        await sync_to_async(threading.Event().wait)(3600)


class Deadly(Journey[Customer]):
    """Takes its whole process with it, every time."""

    lease = timedelta(seconds=2)

    @step
    def die(self):
        diary.write(self.pk, "dies")
        os._exit(9)


class LostAndCancel(Journey[Customer]):
    lease = timedelta(seconds=2)
    if_lost = "cancel"

    def after_cancel(self):
        diary.write(self.pk, "after cancel")

    @step
    def hold(self):
        diary.write(self.pk, "began")
        diary.pass_gate()


class Bidden(Journey[Customer]):
    """Its step runs until its own gate is opened, then does as it was told in `data`."""

    def after_cancel(self):
        diary.write(self.pk, "after_cancel")

    def after_pause(self):
        diary.write(self.pk, "after_pause")

    @step
    def act(self):
        diary.write(self.pk, "began")
        diary.pass_gate(f"gate {self.pk}")
        diary.write(self.pk, "ended")
        does = self.data.get("does")
        if does == "raise":
            raise RuntimeError("as told")
        if does:
            getattr(self, does)()

    @step
    def rest(self):
        diary.write(self.pk, "rested")


class Walk(Journey[Customer]):
    """Three steps with a little to do; after the first it does not run on."""

    @step
    def one(self):
        diary.write(self.pk, "one")
        threading.Event().wait(0.01)

    @step(wait=0.05)
    def two(self):
        diary.write(self.pk, "two")
        threading.Event().wait(0.01)

    @step
    def three(self):
        diary.write(self.pk, "three")


class Atomic(Journey[Customer]):
    @step(atomic=True)
    def write(self):
        Spy.objects.create(journey_id=str(self.pk), word="written")
