"""Heroes that are proxies of a Django model stand for the same record. SEMANTICS 9."""

import pytest

from stepper_motor import AlreadyOnJourney, step
from stepper_motor.django import Journey
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Customer, VipCustomer

pytestmark = pytest.mark.django_db


class Winback(Journey[Customer]):
    @step
    def write(self): ...


def test_a_proxy_of_the_hero_is_the_same_hero(customer):
    Winback.start(customer)
    with pytest.raises(AlreadyOnJourney):
        Winback.start(VipCustomer.objects.get(pk=customer.pk))


def test_a_proxy_is_kept_as_what_it_stands_for():
    vip = VipCustomer.objects.create(name="Ada")
    journey = Winback.start(vip)
    assert journey.hero_type == "shop_customer"
    assert list(Winback.objects.for_hero(vip)) == list(Winback.objects.for_hero(Customer.objects.get()))
    assert type(Winback.objects.get().hero) is Customer


def test_presence_tells_proxies_that_are_on_such_a_journey_from_those_that_are_not():
    ready, paused, was_on_it, never, other = [VipCustomer.objects.create(name=str(n)) for n in range(5)]
    ThreeSteps.start(ready)
    ThreeSteps.start(paused).pause()
    ThreeSteps.start(was_on_it).cancel()
    Drip.start(other)
    assert set(VipCustomer.objects.filter(ThreeSteps.presence(VipCustomer))) == {ready, paused}
    assert set(VipCustomer.objects.filter(~ThreeSteps.presence(VipCustomer))) == {was_on_it, never, other}
    assert set(VipCustomer.objects.filter(Journey.presence(VipCustomer))) == {ready, paused, other}
    assert VipCustomer.objects.annotate(on_it=ThreeSteps.presence(VipCustomer)).get(pk=ready.pk).on_it


def test_each_proxy_is_started_on_a_journey():
    saved = [VipCustomer.objects.create(name=str(n)) for n in range(7)]
    assert ThreeSteps.start_for(VipCustomer.objects.all(), batch=3) == 7
    assert ThreeSteps.start_for(VipCustomer.objects.all(), batch=3, unless="ever") == 0
    assert {journey.hero.pk for journey in ThreeSteps.objects.all()} == {hero.pk for hero in saved}
