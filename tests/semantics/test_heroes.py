"""The hero of a journey: any record of any model. SEMANTICS 1 and DESIGN 2."""

import uuid

import pytest

from stepper_motor import State, step
from stepper_motor.django import Journey
from stepper_motor.django.heroes import UnknownHero
from tests.shop.journeys import ThreeSteps
from tests.shop.models import Account, Country, Customer, OrderLine, Payment, PaymentJourney, Profile, Spy, VipCustomer

pytestmark = pytest.mark.django_db


class Greeting(Journey[Customer]):
    @step
    def greet(self):
        Spy.objects.create(journey_id=self.pk, word=type(self.hero).__name__)


class Memorial(Greeting):
    may_proceed_without_hero = True


def customer(name="Ada"):
    return Customer.objects.create(name=name)


HEROES = {
    "a whole number": customer,
    "a UUID": lambda: Account.objects.create(),
    "a text": lambda: Country.objects.create(code="nl"),
    "a relation": lambda: Profile.objects.create(customer=customer()),
    "a composite key": lambda: OrderLine.objects.create(order_number=7, line="a 'b' \"c\""),
    "another journey": lambda: ThreeSteps.start(),
}


@pytest.fixture(params=HEROES.values(), ids=HEROES.keys())
def hero(request):
    return request.param()


def test_a_step_meets_its_hero(hero):
    journey = Greeting.start(hero)
    assert Greeting.objects.get(pk=journey.pk).hero == hero
    journey.perform_next_step()
    assert journey.state is State.FINISHED
    assert Spy.objects.get(journey_id=journey.pk).word == type(hero).__name__


def test_journeys_are_found_by_their_hero(hero):
    journey = Greeting.start(hero)
    Greeting.start(customer("somebody else"))
    assert list(Greeting.objects.for_hero(hero)) == [journey]


def test_a_hero_that_is_gone_cancels_the_journey(hero):
    journey = Greeting.start(hero)
    hero.delete()
    assert Greeting.objects.get().hero is None
    journey.perform_next_step()
    assert (journey.state, journey.reason) == (State.CANCELED, "the hero is gone")
    assert not Spy.objects.exists()


def test_unless_the_class_may_proceed_without(hero):
    journey = Memorial.start(hero)
    hero.delete()
    journey.perform_next_step()
    assert Spy.objects.get().word == "NoneType"


def test_a_proxy_is_kept_as_what_it_stands_for():
    vip = VipCustomer.objects.create(name="Ada")
    journey = Greeting.start(vip)
    assert journey.hero_type == "shop_customer"
    assert list(Greeting.objects.for_hero(vip)) == list(Greeting.objects.for_hero(Customer.objects.get()))
    assert type(Greeting.objects.get().hero) is Customer


def test_the_hero_is_read_once(django_assert_num_queries):
    Greeting.start(customer())
    journey = Greeting.objects.get()
    with django_assert_num_queries(1):
        assert journey.hero is journey.hero


def test_refreshing_the_journey_reads_it_again():
    journey = Greeting.start(customer())
    Customer.objects.update(name="Grace")
    assert journey.hero.name == "Ada"
    journey.refresh_from_db()
    assert journey.hero.name == "Grace"


def test_another_hero_may_be_given_before_the_journey_starts():
    journey = Greeting(hero=customer("Ada"))
    journey.hero = customer("Grace")
    journey.save()
    assert Greeting.objects.get().hero.name == "Grace"
    journey = Greeting(hero=customer())
    journey.hero = None
    assert (journey.hero_type, journey.hero_id) == (None, None)


def test_a_foreign_key_is_a_hero_like_any_other():
    payment = Payment.objects.create(amount=12)
    journey = PaymentJourney.start(payment)
    assert list(PaymentJourney.objects.for_hero(payment)) == [journey]
    assert payment.journeys.get() == journey
    journey.perform_next_step()
    assert journey.amount == 12
    payment.refresh_from_db()
    assert payment.state == "initiated"


def test_a_table_that_no_model_has_says_so_where_the_hero_is_asked_for():
    Greeting.objects.create(hero_type="gone_app_person", hero_id="5")
    journey = Greeting.objects.get()
    with pytest.raises(UnknownHero, match="no model of this project has the table 'gone_app_person'"):
        journey.hero  # noqa: B018
    with pytest.raises(UnknownHero):
        journey.perform_next_step()
    assert journey.state is State.PAUSED


def test_a_key_that_the_model_can_not_have_is_a_hero_that_is_gone():
    Greeting.objects.create(hero_type="shop_account", hero_id="no UUID")
    assert Greeting.objects.get().hero is None


def test_uuid_heroes_are_kept_with_dashes_on_every_database():
    account = Account.objects.create(pk=uuid.UUID("12345678-1234-1234-1234-1234567890ab"))
    assert Greeting.start(account).hero_id == "12345678-1234-1234-1234-1234567890ab"
