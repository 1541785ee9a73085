"""The `a`-prefixed twins: awaited, and otherwise the same. SEMANTICS 1."""

import asyncio
from datetime import timedelta

import pytest

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
from tests.home import NOON, Customer, Journey, among, astart, astart_for, count, create_many, only, run, start, these
from tests.semantics.seen import only_entry

pytestmark = [pytest.mark.database, pytest.mark.only_in("django", "sqlalchemy-async")]


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
        journey = await astart(Awaited, customer, data={"from": "astart"})
        assert await journey.aperform_next_step() == Completed()
        assert journey.data == {"from": "astart", "hero": "Ada"}
        assert await journey.ahas_completed("one")
        assert not await journey.ahas_completed("two")
        with pytest.raises(AlreadyOnJourney):
            await astart(Awaited, customer)
        assert await astart(Awaited, customer, on_conflict="existing") == journey
        assert await journey.aperform_next_step(fence="another") is None

    run(story())


@pytest.mark.parametrize("verb", TWINS)
def test_every_verb_has_one(clock, customer, verb):
    call, outcome, state = TWINS[verb]
    journey = start(Awaited, customer)
    assert run(call(journey)) == outcome
    assert journey.state == only(Awaited).state == state
    assert only_entry(journey).by == "Ada"


def test_resume_too_and_a_refusal_is_raised(customer):
    async def story(journey):
        with pytest.raises(InvalidState, match="can't resume a journey that is ready"):
            await journey.aresume()
        await journey.apause()
        assert await journey.aresume(by="Ada") == Resumed()

    run(story(start(Awaited, customer)))


@pytest.mark.parametrize(
    ("twin", "state", "next"),
    [("apause", "paused", "two"), ("acancel", "canceled", "two"), ("askip", "ready", "three"),
     ("areattempt", "ready", "two"), ("afinish", "finished", None)],
)  # fmt: skip
def test_inside_its_own_step_a_twin_leaves_the_body_as_the_verb_does(customer, twin, state, next):
    async def story():
        journey = await astart(Awaited, customer, data={"leaves": twin})
        await journey.aperform_next_step()
        await journey.aperform_next_step()
        return journey

    journey = run(story())
    assert (journey.state, journey.next_step_name) == (state, next)
    assert "stayed" not in journey.data


def test_bulk_verbs(clock):
    async def story():
        journeys = these(Awaited)
        assert await journeys.apause("why", by="Ada") == (3, 0, 0)
        assert await journeys.aresume(spread=timedelta(minutes=3)) == (3, 0, 0)
        assert await journeys.areattempt(60) == (3, 0, 0)
        assert await journeys.areschedule(NOON) == (3, 0, 0)
        assert await journeys.askip(step="one") == (3, 0, 0)
        assert await journeys.ajump_to("one") == (3, 0, 0)
        assert await among(Awaited, [first]).afinish() == (1, 0, 0)
        assert await journeys.acancel() == (2, 1, 0)

    first = start(Awaited)
    start(Awaited)
    start(Awaited)
    run(story())
    assert count(Awaited, state=State.CANCELED) == 2


def test_bulk_starts():
    async def story():
        assert await astart_for(Awaited, these(Customer), batch=2) == 3
        assert await astart_for(Awaited, these(Customer), unless="ever") == 0

    create_many(Customer, [{"name": str(n)} for n in range(3)])
    run(story())


@pytest.mark.database(transaction=True)
def test_many_coroutines_at_once_start_one_journey_for_a_hero(customer):
    async def story():
        starts = [astart(Awaited, customer, on_conflict="ignore") for _ in range(10)]
        return await asyncio.gather(*starts)

    started = [journey for journey in run(story()) if journey is not None]
    assert started == [only(Awaited)]
