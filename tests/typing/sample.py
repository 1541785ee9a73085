"""What a user's type checker sees: mypy --strict and pyright must agree with every `assert_type`."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

from stepper_motor import Outcome, Reattempt, State, cancel_if, step
from stepper_motor.django import Journey
from tests.shop.models import Customer


class Welcome(Journey[Customer]):
    on_exception = Reattempt(wait=timedelta(seconds=30), max_attempts=3, then="cancel")

    @cancel_if
    def hero_left(self) -> bool:
        assert_type(self.hero, Customer)
        return self.hero.deactivated

    @step
    def greet(self, loudly: bool = False) -> str:
        return f"{self.hero.name}, {loudly}"

    @step(wait=timedelta(days=2), skip_if="hero_left")
    async def remind(self) -> Outcome:
        if self.attempts > 3:
            return self.skip()
        return self.reattempt(wait=30)


def starts(customer: Customer) -> None:
    journey = Welcome.start(customer)
    assert_type(journey, Welcome)
    assert_type(journey.hero, Customer)
    assert_type(Welcome.start(customer, on_conflict="ignore"), Welcome | None)
    assert_type(journey.greet(loudly=True), str)
    assert_type(journey.state.ongoing, bool)
    assert_type(State.choices, list[tuple[str, str]])
    assert_type(journey.pause("a reason", by="somebody"), Outcome)
    for found in Welcome.objects.ongoing().for_hero(customer):
        assert_type(found, Welcome)


async def awaits(customer: Customer) -> None:
    journey = await Welcome.astart(customer)
    assert journey is not None
    assert_type(await journey.apause("a reason", by="somebody"), Outcome)
    assert_type(await journey.aperform_next_step(), Outcome | None)
    await journey.remind()
