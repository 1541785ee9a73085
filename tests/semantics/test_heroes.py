"""The hero of a journey: any record of any model. SEMANTICS 1 and DESIGN 2."""

import uuid

import pytest

from stepper_motor import State, step
from tests.home import (
    Account,
    Country,
    Customer,
    Journey,
    OrderLine,
    Payment,
    PaymentJourney,
    Profile,
    ThreeSteps,
    UnknownHero,
    create,
    delete,
    execute,
    found,
    hero_type_of,
    only,
    reload,
    save,
    start,
    statements,
    table_of,
    tell,
    these,
    words,
)

pytestmark = pytest.mark.database


class Greeting(Journey[Customer]):
    @step
    def greet(self):
        tell(self, type(self.hero).__name__)


class Memorial(Greeting):
    may_proceed_without_hero = True


def customer(name="Ada"):
    return create(Customer, name=name)


HEROES = {
    "a whole number": customer,
    "a UUID": lambda: create(Account),
    "a text": lambda: create(Country, code="nl"),
    "a relation": lambda: create(Profile, customer=customer()),
    "a composite key": lambda: create(OrderLine, order_number=7, line="a 'b' \"c\""),
    "another journey": lambda: start(ThreeSteps),
}


@pytest.fixture(params=HEROES.values(), ids=HEROES.keys())
def hero(request):
    return request.param()


def test_a_step_meets_its_hero(hero):
    journey = start(Greeting, hero)
    assert found(journey).hero == hero
    journey.perform_next_step()
    assert journey.state is State.FINISHED
    assert words() == [type(hero).__name__]


def test_journeys_are_found_by_their_hero(hero):
    journey = start(Greeting, hero)
    start(Greeting, customer("somebody else"))
    assert list(these(Greeting).for_hero(hero)) == [journey]


def test_a_hero_that_is_gone_cancels_the_journey(hero):
    journey = start(Greeting, hero)
    delete(hero)
    assert only(Greeting).hero is None
    journey.perform_next_step()
    assert (journey.state, journey.reason) == (State.CANCELED, "the hero is gone")
    assert words() == []


def test_unless_the_class_may_proceed_without(hero):
    journey = start(Memorial, hero)
    delete(hero)
    journey.perform_next_step()
    assert words() == ["NoneType"]


def test_the_hero_is_read_once():
    start(Greeting, customer())
    journey = only(Greeting)
    with statements() as sent:
        assert journey.hero is journey.hero
    assert len([sql for sql in sent if "SELECT" in sql]) == 1


def test_refreshing_the_journey_reads_it_again():
    journey = start(Greeting, customer())
    execute(f"UPDATE {table_of(Customer)} SET name = 'Grace'")
    assert journey.hero.name == "Ada"
    reload(journey)
    assert journey.hero.name == "Grace"


def test_another_hero_may_be_given_before_the_journey_starts():
    journey = Greeting(hero=customer("Ada"))
    journey.hero = customer("Grace")
    save(journey)
    assert only(Greeting).hero.name == "Grace"
    journey = Greeting(hero=customer())
    journey.hero = None
    assert (journey.hero_type, journey.hero_id) == (None, None)


def test_a_foreign_key_is_a_hero_like_any_other():
    payment = create(Payment, amount=12)
    journey = start(PaymentJourney, payment)
    assert list(these(PaymentJourney).for_hero(payment)) == [journey]
    journey.perform_next_step()
    assert journey.amount == 12
    reload(payment)
    assert payment.state == "initiated"


def test_a_table_that_no_model_has_says_so_where_the_hero_is_asked_for():
    create(Greeting, hero_type="gone_app_person", hero_id="5")
    journey = only(Greeting)
    with pytest.raises(UnknownHero, match="has the table 'gone_app_person'"):
        journey.hero  # noqa: B018
    with pytest.raises(UnknownHero):
        journey.perform_next_step()
    assert journey.state is State.PAUSED


def test_a_key_that_the_model_can_not_have_is_a_hero_that_is_gone():
    create(Greeting, hero_type=hero_type_of(Account), hero_id="no UUID")
    assert only(Greeting).hero is None


def test_uuid_heroes_are_kept_with_dashes_on_every_database():
    account = create(Account, id=uuid.UUID("12345678-1234-1234-1234-1234567890ab"))
    assert start(Greeting, account).hero_id == "12345678-1234-1234-1234-1234567890ab"
