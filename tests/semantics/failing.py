"""Journeys whose first step does what a test says, and those whose first step fails."""

from __future__ import annotations

from datetime import timedelta

from stepper_motor import step
from tests.home import Customer, Journey, start


def failing(error, **options):
    def fail(self):
        raise error

    return working(fail, **options)


def working(body, *, of_class="pause", **options):
    class Failing(Journey[Customer]):
        on_exception = of_class
        work = step(body, name="work", wait=60, **options)
        more = step(lambda self: None, name="more")

    return Failing


def started(Failing, customer, clock):
    journey = start(Failing, customer)
    clock.move(timedelta(seconds=60))
    return journey


def performed(journey):
    """What `perform_next_step()` raises or gives."""
    try:
        return journey.perform_next_step()
    except BaseException as error:
        return error
