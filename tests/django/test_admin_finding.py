"""Finding journeys in Django's admin: by filters and by search."""

from datetime import timedelta

import pytest

from stepper_motor import step
from stepper_motor.django import Journey
from tests.django.operators import LIST, held_by_the_dead, ids_in, rows_of, start_at, text_of
from tests.shop.journeys import AsyncNaps, Drip
from tests.shop.models import Account, Customer

pytestmark = pytest.mark.django_db


class Subscription(Journey[Customer]):
    @step(formerly="remember", wait=timedelta(days=1))
    def remind(self): ...


def test_filters_by_what_needs_attention(clock, admin_client):
    heroes = [Customer.objects.create(name=name) for name in "abcdef"]
    overdue, waits = Drip.start(heroes[0]), Subscription.start(heroes[1])
    clock.move(timedelta(minutes=5))
    fresh, lost = Drip.start(heroes[2]), held_by_the_dead(heroes[3], clock.now())
    gone, astray = start_at(Drip, heroes[4], type="shop.Gone"), start_at(Drip, heroes[5], next_step_name="removed")

    def found(attention):
        return ids_in(admin_client.get(LIST, {"attention": attention}))

    assert found("overdue") == {str(overdue.pk)}
    assert found("lost") == {str(lost.pk)}
    assert found("unknown") == {str(gone.pk), str(astray.pk)}
    assert {str(waits.pk), str(fresh.pk)} < ids_in(admin_client.get(LIST))


def test_filters_by_state_type_and_step(clock, admin_client):
    heroes = [Customer.objects.create(name=name) for name in "abc"]
    drip, subscription, paused = Drip.start(heroes[0]), Subscription.start(heroes[1]), Drip.start(heroes[2])
    paused.pause()
    assert ids_in(admin_client.get(LIST, {"state__exact": "paused"})) == {str(paused.pk)}
    assert ids_in(admin_client.get(LIST, {"type": Subscription.definition.type_name})) == {str(subscription.pk)}
    assert ids_in(admin_client.get(LIST, {"step": "welcome"})) == {str(drip.pk), str(paused.pk)}
    assert ids_in(admin_client.get(LIST, {"step": "welcome", "state__exact": "ready"})) == {str(drip.pk)}


def test_a_step_is_found_under_its_former_name_too(clock, customer, admin_client):
    journey = start_at(Subscription, customer, next_step_name="remember")
    assert ids_in(admin_client.get(LIST, {"step": "remind"})) == {str(journey.pk)}


def test_the_steps_to_choose_from_are_those_of_the_chosen_type(clock, customer, admin_client):
    Drip.start(customer)
    offered = text_of(admin_client.get(LIST, {"type": "shop.Drip"})).partition("By step")[2]
    assert "farewell" in offered
    assert "tell_of_it" not in offered


def test_the_overdue_are_listed_with_the_longest_overdue_first(clock, admin_client):
    heroes = [Customer.objects.create(name=name) for name in "ab"]
    late = AsyncNaps.start(heroes[0], at=clock.now() + timedelta(hours=1))
    early = AsyncNaps.start(heroes[1])
    clock.move(timedelta(hours=2))
    rows = rows_of(admin_client.get(LIST, {"attention": "overdue"}))
    assert [row.split()[0] for row in rows] == [str(early.pk), str(late.pk)]


# ----------------------------------------------------------------------------------------------------- search


def test_search_finds_by_journey_by_hero_and_by_kind_of_hero(clock, admin_client):
    customers = [Customer.objects.create(name=name) for name in "abc"]
    account = Account.objects.create()
    drip, of_account = Drip.start(customers[1]), Drip.start(account)

    def found(text):
        return ids_in(admin_client.get(LIST, {"q": text}))

    assert str(drip.pk) in found(str(drip.pk))
    assert str(drip.pk) in found(str(customers[1].pk))
    assert found(f"customer {customers[1].pk}") == {str(drip.pk)}
    assert found(f"shop.Customer {customers[1].pk}") == {str(drip.pk)}
    assert found(f"shop_customer {customers[1].pk}") == {str(drip.pk)}
    assert found(str(account.pk)) == {str(of_account.pk)}
    assert found(f"country {customers[1].pk}") == set()
    assert found("'; DROP TABLE") == found("9" * 40) == found("nobody") == set()


def test_search_finds_a_hero_of_a_table_that_nobody_knows(clock, customer, admin_client):
    journey = start_at(Drip, customer, hero_type="warehouse_crate")
    assert ids_in(admin_client.get(LIST, {"q": f"warehouse_crate {customer.pk}"})) == {str(journey.pk)}
