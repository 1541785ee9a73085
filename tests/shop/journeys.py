"""Journeys that worker processes perform; what they did is told in `Spy`."""

import asyncio
from datetime import timedelta

from stepper_motor import step
from stepper_motor.django import Journey
from tests.shop.models import Customer, Spy


class Told(Journey[Customer]):
    def tell(self, word):
        Spy.objects.create(journey_id=str(self.pk), word=word)


class ThreeSteps(Told):
    """Three steps, due at once."""

    @step
    def one(self):
        self.tell("one")

    @step
    def two(self):
        self.tell("two")

    @step
    def three(self):
        self.tell("three")


class NoOp(Journey[Customer]):
    """Three steps that do nothing: what is measured is the engine."""

    @step
    def one(self): ...

    @step
    def two(self): ...

    @step
    def three(self): ...


class AsyncNaps(Journey[Customer]):
    @step
    async def nap(self):
        await asyncio.sleep(0.05)

    @step
    async def tell_of_it(self):
        await Spy.objects.acreate(journey_id=str(self.pk), word="napped")


class Drip(Told):
    @step
    def welcome(self):
        self.tell("welcome")

    @step(wait=timedelta(days=2))
    def remind(self):
        self.tell("remind")

    @step(wait=timedelta(days=30))
    def farewell(self):
        self.tell("farewell")
