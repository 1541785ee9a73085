"""Django's own `a`-prefixed twins keep the rules. SEMANTICS 1."""

import pytest
from asgiref.sync import async_to_sync

from stepper_motor import State, step
from stepper_motor.django import Journey
from tests.shop.models import Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Awaited(Journey[Customer]):
    @step
    async def one(self):
        self.data["hero"] = (await self.ahero()).name


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

    async_to_sync(story)()
