"""Three steps, due at once: plain ones, and atomic ones, whose work and progress are one commit."""

from __future__ import annotations

from benchmarks.queues.models import Order, work
from stepper_motor import step
from stepper_motor.django import Journey


class Fulfilment(Journey[Order]):
    @step
    def reserve(self):
        work(self.hero.pk)

    @step
    def charge(self):
        work(self.hero.pk)

    @step
    def ship(self):
        work(self.hero.pk)


class AtomicFulfilment(Journey[Order]):
    @step(atomic=True)
    def reserve(self):
        work(self.hero.pk)

    @step(atomic=True)
    def charge(self):
        work(self.hero.pk)

    @step(atomic=True)
    def ship(self):
        work(self.hero.pk)
