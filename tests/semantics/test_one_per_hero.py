"""At most one ongoing journey for a hero, type and key: the database sees to it. SEMANTICS 9."""

import pytest
from django.db import DatabaseError, IntegrityError, models, transaction

from stepper_motor import AlreadyOnJourney, State, step
from stepper_motor.django import Journey
from tests.shop.journeys import Drip
from tests.shop.models import Account, Country, Customer, Payment, PaymentJourney, VipCustomer

pytestmark = pytest.mark.django_db


class Winback(Journey[Customer]):
    @step
    def write(self): ...

    @step
    def write_again(self): ...


class SpringWinback(Winback):
    """A subclass is a type of its own."""


class Jealous(Journey[Customer]):
    @step
    def start_another(self):
        Jealous.start(self.hero)


class LowerCase(Journey[Customer]):
    type_name = "casing"

    @step
    def write(self): ...


class UpperCase(Journey[Customer]):
    type_name = "CASING"

    @step
    def write(self): ...


def test_a_hero_can_not_be_on_two_journeys_of_a_class(customer):
    Winback.start(customer)
    with pytest.raises(AlreadyOnJourney, match=f"shop_customer {customer.pk} is on a Winback already: pass on_"):
        Winback.start(customer)
    assert Winback.objects.count() == 1


@pytest.mark.parametrize(
    "another",
    [
        lambda hero: Winback.objects.create(hero=hero),
        lambda hero: Winback(hero=hero).save(),
        lambda hero: Winback.objects.bulk_create([Winback(hero=hero)]),
    ],
)
def test_whichever_way_the_second_is_started(customer, another):
    Winback.start(customer)
    with pytest.raises(AlreadyOnJourney):
        another(customer)
    assert Winback.objects.count() == 1


def test_the_transaction_stays_usable(customer):
    with transaction.atomic():
        Winback.start(customer)
        with pytest.raises(AlreadyOnJourney):
            Winback.start(customer)
        with pytest.raises(AlreadyOnJourney):
            Winback.objects.bulk_create([Winback(hero=customer)])
        Customer.objects.create(name="Grace")
    assert Customer.objects.count() == 2


def test_the_refused_object_may_be_saved_once_the_place_is_free(customer):
    first, second = Winback.start(customer), Winback(hero=customer)
    with pytest.raises(AlreadyOnJourney):
        second.save()
    first.cancel()
    second.save()
    assert second.state is State.READY


def test_a_paused_journey_keeps_its_place(customer):
    Winback.start(customer).pause()
    with pytest.raises(AlreadyOnJourney):
        Winback.start(customer)


def test_a_performing_journey_keeps_its_place(customer):
    journey = Jealous.start(customer)
    with pytest.raises(AlreadyOnJourney):
        journey.perform_next_step()
    assert Jealous.objects.count() == 1


@pytest.mark.parametrize("end", ["cancel", "finish"])
def test_an_ended_journey_frees_its_place(customer, end):
    getattr(Winback.start(customer), end)()
    assert Winback.start(customer).state is State.READY
    assert Winback.objects.for_hero(customer).count() == 2


def test_another_class_and_another_hero_are_other_places(customer):
    Winback.start(customer)
    Drip.start(customer)
    Winback.start(Customer.objects.create(name="Grace"))
    assert Journey.objects.count() == 3


def test_a_subclass_is_a_type_of_its_own(customer):
    Winback.start(customer)
    SpringWinback.start(customer)
    with pytest.raises(AlreadyOnJourney):
        SpringWinback.start(customer)


def test_a_key_tells_apart_journeys_that_may_run_side_by_side(customer):
    Winback.start(customer)
    Winback.start(customer, key="spring")
    Winback.start(customer, key="summer")
    with pytest.raises(AlreadyOnJourney, match="on a Winback with the key 'spring' already"):
        Winback.start(customer, key="spring")


def test_without_a_hero_there_is_no_limit():
    Winback.start()
    Winback.start()
    PaymentJourney.start()
    PaymentJourney.start()
    assert Winback.objects.count() == PaymentJourney.objects.count() == 2


def test_allow_multiple_leaves_the_rule_and_takes_nobodys_place(customer):
    Winback.start(customer, allow_multiple=True)
    Winback.start(customer, allow_multiple=True)
    Winback.start(customer)
    with pytest.raises(AlreadyOnJourney):
        Winback.start(customer)
    Winback.start(customer, allow_multiple=True)


def test_heroes_of_two_models_with_one_id_are_two_heroes(customer):
    Winback.start(customer)
    Winback.start(Payment.objects.create(pk=customer.pk))
    Winback.start(Country.objects.create(code=str(customer.pk)[:2]))


def test_a_proxy_of_the_hero_is_the_same_hero(customer):
    Winback.start(customer)
    with pytest.raises(AlreadyOnJourney):
        Winback.start(VipCustomer.objects.get(pk=customer.pk))


def test_a_real_foreign_key_keeps_the_rule_too():
    payment = Payment.objects.create()
    journey = PaymentJourney.start(payment)
    with pytest.raises(AlreadyOnJourney, match=f"hero {payment.pk} is on a PaymentJourney already"):
        PaymentJourney.start(payment)
    journey.cancel()
    PaymentJourney.start(payment)


def test_case_is_significant_in_types_keys_and_heroes(customer):
    LowerCase.start(customer)
    UpperCase.start(customer)
    Winback.start(customer, key="spring")
    Winback.start(customer, key="Spring")
    for code in ("nl", "NL"):
        Winback.objects.create(hero_type="shop_country", hero_id=code)
    assert LowerCase.objects.count() == UpperCase.objects.count() == 1
    assert Winback.objects.filter(key="Spring").count() == Winback.objects.filter(hero_id="NL").count() == 1


def test_long_names_are_told_apart_at_their_end():
    for end in "ab":
        Winback.objects.create(hero_type="t" * 100, hero_id="h" * 199 + end, key="k" * 100)
        Winback.objects.create(hero_type="t" * 100, hero_id="h" * 200, key="k" * 99 + end)
    with pytest.raises(AlreadyOnJourney):
        Winback.objects.create(hero_type="t" * 100, hero_id="h" * 199 + "a", key="k" * 100)


def test_it_is_the_database_that_refuses(customer):
    """Whatever writes the row: here an UPDATE that no verb would do."""
    ended = Winback.start(customer)
    ended.cancel()
    Winback.start(customer)
    with pytest.raises(IntegrityError), transaction.atomic():
        models.QuerySet.update(Winback._base_manager.filter(pk=ended.pk), state="paused")


def test_an_ended_journey_is_reopened_only_while_its_place_is_free(customer):
    first = Winback.start(customer)
    first.cancel()
    second = Winback.start(customer)
    with pytest.raises(AlreadyOnJourney):
        first.jump_to("write_again")
    assert Winback.objects.get(pk=first.pk).state is State.CANCELED
    second.finish()
    first.jump_to("write_again")
    assert first.state is State.READY


def test_a_conflict_can_give_the_existing_journey(customer):
    journey = Winback.start(customer, data={"mine": 1})
    assert Winback.start(customer, on_conflict="existing", data={"mine": 2}) == journey
    assert Winback.start(customer, on_conflict="existing", key="spring") != journey


def test_or_be_ignored(customer):
    assert Winback.start(customer, on_conflict="ignore").state is State.READY
    assert Winback.start(customer, on_conflict="ignore") is None
    assert Winback.objects.count() == 1


def test_or_replace_the_existing_journey(customer):
    first = Winback.start(customer)
    second = Winback.start(customer, on_conflict="replace", data={"is": "new"})
    first.refresh_from_db()
    assert (first.state, first.reason) == (State.CANCELED, "replaced by another journey")
    assert (second.state, second.data) == (State.READY, {"is": "new"})


def test_what_leaves_the_rule_is_neither_given_nor_replaced(customer):
    multiple, account = Winback.start(customer, allow_multiple=True), Account.objects.create()
    single, other = Winback.start(customer), Winback.start(account)
    assert Winback.start(customer, on_conflict="existing") == single
    Winback.start(customer, on_conflict="replace")
    states = {journey.pk: journey.state for journey in Winback.objects.all()}
    assert (states[multiple.pk], states[single.pk], states[other.pk]) == ("ready", "canceled", "ready")


def test_if_the_replacement_can_not_start_the_existing_journey_stays(customer):
    journey = Winback.start(customer)
    with pytest.raises((DatabaseError, ValueError)):
        Winback.start(customer, on_conflict="replace", data={"ratio": float("nan")})
    journey.refresh_from_db()
    assert journey.state is State.READY
