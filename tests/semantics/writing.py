"""Journeys whose first step does what a test says, with the common table and with one of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepper_motor import step
from tests.home import Customer, Journey, PaymentJourney


def writing(body: Callable[[Any], Any], **options: Any) -> Any:
    class Writing(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Writing


def paying(body: Callable[[Any], Any], **options: Any) -> Any:
    """Its columns are `amount` and `notes`."""

    class Paying(PaymentJourney):
        initiate = step(body, name="initiate", **options)

    return Paying
