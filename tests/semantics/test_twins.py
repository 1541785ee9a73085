"""The `a`-prefixed twins: awaited, and otherwise the same. SEMANTICS 1."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync

from stepper_motor import (
    AlreadyOnJourney,
    Canceled,
    Completed,
    Finished,
    InvalidState,
    Jumped,
    Paused,
    Reattempted,
    Rescheduled,
    Resumed,
    Skipped,
    State,
    step,
)
from stepper_motor.django import Journey
from tests.django.conftest import NOON
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Awaited(Journey[Customer]):
    @step
    async def one(self):
        self.data["hero"] = (await self.ahero()).name

    @step
    async def two(self):
        if self.data.get("leaves"):
            await getattr(self, self.data["leaves"])()
        self.data["stayed"] = True

    @step
    def three(self): ...


@async_to_sync
async def run(coroutine):
    """Awaits it; its calls to the ORM come back to the thread of the test, and to its transaction."""
    return await coroutine


TWINS = {
    "apause": (lambda journey: journey.apause("why", by="Ada"), Paused("why"), State.PAUSED),
    "acancel": (lambda journey: journey.acancel("why", by="Ada"), Canceled("why"), State.CANCELED),
    "askip": (lambda journey: journey.askip(by="Ada", reason="why"), Skipped(), State.READY),
    "areattempt": (lambda journey: journey.areattempt(60, by="Ada"), Reattempted(60), State.READY),
    "areschedule": (lambda journey: journey.areschedule(NOON, by="Ada"), Rescheduled(NOON), State.READY),
    "ajump_to": (lambda journey: journey.ajump_to("three", by="Ada"), Jumped("three"), State.READY),
    "afinish": (lambda journey: journey.afinish(by="Ada"), Finished(), State.FINISHED),
}


def test_a_journey_is_started_and_performed(customer):
    async def story():
        journey = await Awaited.astart(customer, data={"from": "astart"})
        assert await journey.aperform_next_step() == Completed()
        assert journey.data == {"from": "astart", "hero": "Ada"}
        assert await journey.ahas_completed("one")
        assert not await journey.ahas_completed("two")
        with pytest.raises(AlreadyOnJourney):
            await Awaited.astart(customer)
        assert await Awaited.astart(customer, on_conflict="existing") == journey
        assert await journey.aperform_next_step(fence="another") is None

    run(story())


@pytest.mark.parametrize("verb", TWINS)
def test_every_verb_has_one(clock, customer, verb):
    call, outcome, state = TWINS[verb]
    journey = Awaited.start(customer)
    assert run(call(journey)) == outcome
    assert journey.state == Awaited.objects.get().state == state
    assert journey.history.get().by == "Ada"


def test_resume_too_and_a_refusal_is_raised(customer):
    async def story(journey):
        with pytest.raises(InvalidState, match="can't resume a journey that is ready"):
            await journey.aresume()
        await journey.apause()
        assert await journey.aresume(by="Ada") == Resumed()

    run(story(Awaited.start(customer)))


@pytest.mark.parametrize(
    ("twin", "state", "next"),
    [("apause", "paused", "two"), ("acancel", "canceled", "two"), ("askip", "ready", "three"),
     ("areattempt", "ready", "two"), ("afinish", "finished", None)],
)  # fmt: skip
def test_inside_its_own_step_a_twin_leaves_the_body_as_the_verb_does(customer, twin, state, next):
    async def story():
        journey = await Awaited.astart(customer, data={"leaves": twin})
        await journey.aperform_next_step()
        await journey.aperform_next_step()
        return journey

    journey = run(story())
    assert (journey.state, journey.next_step_name) == (state, next)
    assert "stayed" not in journey.data


def test_bulk_verbs(clock):
    async def story():
        journeys = Awaited.objects.all()
        assert await journeys.apause("why", by="Ada") == (3, 0, 0)
        assert await journeys.aresume(spread=timedelta(minutes=3)) == (3, 0, 0)
        assert await journeys.areattempt(60) == (3, 0, 0)
        assert await journeys.areschedule(NOON) == (3, 0, 0)
        assert await journeys.askip(step="one") == (3, 0, 0)
        assert await journeys.ajump_to("one") == (3, 0, 0)
        assert await journeys.filter(pk=first.pk).afinish() == (1, 0, 0)
        assert await journeys.acancel() == (2, 1, 0)
        assert await journeys.canceled().acount() == 2

    first = Awaited.start()
    Awaited.start()
    Awaited.start()
    run(story())


def test_bulk_starts():
    async def story():
        assert await Awaited.astart_for(Customer.objects.all(), batch=2) == 3
        assert await Awaited.astart_for(Customer.objects.all(), unless="ever") == 0

    Customer.objects.bulk_create([Customer(name=str(n)) for n in range(3)])
    run(story())


def test_djangos_own_twins_keep_the_rules(customer):
    async def story():
        journey = await Awaited.objects.acreate(hero=customer)
        assert (journey.state, journey.next_step_name) == (State.READY, "one")
        journey.data["note"] = "saved"
        await journey.asave()
        await journey.arefresh_from_db()
        assert journey.data == {"note": "saved"}
        await PaymentJourney.objects.abulk_create([PaymentJourney(hero=await Payment.objects.acreate())])
        assert await PaymentJourney.objects.ready().acount() == 1
        await journey.adelete()
        assert not await Awaited.objects.aexists()

    run(story())


def test_many_coroutines_at_once_start_one_journey_for_a_hero(customer):
    async def story():
        starts = [Awaited.astart(customer, on_conflict="ignore") for _ in range(10)]
        return await asyncio.gather(*starts)

    started = [journey for journey in run(story()) if journey is not None]
    assert started == [Awaited.objects.get()]
