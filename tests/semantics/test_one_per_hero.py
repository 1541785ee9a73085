"""At most one ongoing journey for a hero, type and key: the database sees to it. SEMANTICS 9."""

import pytest

from stepper_motor import AlreadyOnJourney, State, step
from tests.home import (
    Account,
    Country,
    Customer,
    DatabaseError,
    Drip,
    IntegrityError,
    Journey,
    Payment,
    PaymentJourney,
    count,
    create,
    create_many,
    found,
    hero_type_of,
    in_transaction,
    put_behind,
    reload,
    save,
    start,
    these,
)

pytestmark = pytest.mark.database


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
        start(Jealous, self.hero)


class LowerCase(Journey[Customer]):
    type_name = "casing"

    @step
    def write(self): ...


class UpperCase(Journey[Customer]):
    type_name = "CASING"

    @step
    def write(self): ...


def test_a_hero_can_not_be_on_two_journeys_of_a_class(customer):
    start(Winback, customer)
    with pytest.raises(
        AlreadyOnJourney, match=f"{hero_type_of(Customer)} {customer.id} is on a Winback already: pass on_"
    ):
        start(Winback, customer)
    assert count(Winback) == 1


@pytest.mark.parametrize(
    "another",
    [
        lambda hero: create(Winback, hero=hero),
        lambda hero: save(Winback(hero=hero)),
        lambda hero: create_many(Winback, [{"hero": hero}]),
    ],
)
def test_whichever_way_the_second_is_started(customer, another):
    start(Winback, customer)
    with pytest.raises(AlreadyOnJourney):
        another(customer)
    assert count(Winback) == 1


def test_the_transaction_stays_usable(customer):
    with in_transaction():
        start(Winback, customer)
        with pytest.raises(AlreadyOnJourney):
            start(Winback, customer)
        create(Customer, name="Grace")
    assert count(Customer) == 2


def test_the_refused_object_may_be_saved_once_the_place_is_free(customer):
    first, second = start(Winback, customer), Winback(hero=customer)
    with pytest.raises(AlreadyOnJourney):
        save(second)
    first.cancel()
    save(second)
    assert second.state is State.READY


def test_a_paused_journey_keeps_its_place(customer):
    start(Winback, customer).pause()
    with pytest.raises(AlreadyOnJourney):
        start(Winback, customer)


def test_a_performing_journey_keeps_its_place(customer):
    journey = start(Jealous, customer)
    with pytest.raises(AlreadyOnJourney):
        journey.perform_next_step()
    assert count(Jealous) == 1


@pytest.mark.parametrize("end", ["cancel", "finish"])
def test_an_ended_journey_frees_its_place(customer, end):
    getattr(start(Winback, customer), end)()
    assert start(Winback, customer).state is State.READY
    assert these(Winback).for_hero(customer).count() == 2


def test_another_class_and_another_hero_are_other_places(customer):
    start(Winback, customer)
    start(Drip, customer)
    start(Winback, create(Customer, name="Grace"))
    assert count(Journey) == 3


def test_a_subclass_is_a_type_of_its_own(customer):
    start(Winback, customer)
    start(SpringWinback, customer)
    with pytest.raises(AlreadyOnJourney):
        start(SpringWinback, customer)


def test_a_key_tells_apart_journeys_that_may_run_side_by_side(customer):
    start(Winback, customer)
    start(Winback, customer, key="spring")
    start(Winback, customer, key="summer")
    with pytest.raises(AlreadyOnJourney, match="on a Winback with the key 'spring' already"):
        start(Winback, customer, key="spring")


def test_without_a_hero_there_is_no_limit():
    start(Winback)
    start(Winback)
    start(PaymentJourney)
    start(PaymentJourney)
    assert count(Winback) == count(PaymentJourney) == 2


def test_allow_multiple_leaves_the_rule_and_takes_nobodys_place(customer):
    start(Winback, customer, allow_multiple=True)
    start(Winback, customer, allow_multiple=True)
    start(Winback, customer)
    with pytest.raises(AlreadyOnJourney):
        start(Winback, customer)
    start(Winback, customer, allow_multiple=True)


def test_heroes_of_two_models_with_one_id_are_two_heroes(customer):
    start(Winback, customer)
    start(Winback, create(Payment, id=customer.id))
    start(Winback, create(Country, code=str(customer.id)[:2]))


def test_a_real_foreign_key_keeps_the_rule_too():
    payment = create(Payment)
    journey = start(PaymentJourney, payment)
    with pytest.raises(AlreadyOnJourney, match=f"hero {payment.id} is on a PaymentJourney already"):
        start(PaymentJourney, payment)
    journey.cancel()
    start(PaymentJourney, payment)


def test_case_is_significant_in_types_keys_and_heroes(customer):
    start(LowerCase, customer)
    start(UpperCase, customer)
    start(Winback, customer, key="spring")
    start(Winback, customer, key="Spring")
    for code in ("nl", "NL"):
        create(Winback, hero_type=hero_type_of(Country), hero_id=code)
    assert count(LowerCase) == count(UpperCase) == 1
    assert these(Winback, key="Spring").count() == these(Winback, hero_id="NL").count() == 1


def test_long_names_are_told_apart_at_their_end():
    for end in "ab":
        create(Winback, hero_type="t" * 100, hero_id="h" * 199 + end, key="k" * 100)
        create(Winback, hero_type="t" * 100, hero_id="h" * 200, key="k" * 99 + end)
    with pytest.raises(AlreadyOnJourney):
        create(Winback, hero_type="t" * 100, hero_id="h" * 199 + "a", key="k" * 100)


def test_it_is_the_database_that_refuses(customer):
    """Whatever writes the row: here an UPDATE that no verb would do."""
    ended = start(Winback, customer)
    ended.cancel()
    start(Winback, customer)
    with pytest.raises((IntegrityError, AlreadyOnJourney)), in_transaction():
        put_behind(ended, state="paused")


def test_an_ended_journey_is_reopened_only_while_its_place_is_free(customer):
    first = start(Winback, customer)
    first.cancel()
    second = start(Winback, customer)
    with pytest.raises(AlreadyOnJourney):
        first.jump_to("write_again")
    assert found(first).state is State.CANCELED
    second.finish()
    first.jump_to("write_again")
    assert first.state is State.READY


def test_a_conflict_can_give_the_existing_journey(customer):
    journey = start(Winback, customer, data={"mine": 1})
    assert start(Winback, customer, on_conflict="existing", data={"mine": 2}) == journey
    assert start(Winback, customer, on_conflict="existing", key="spring") != journey


def test_or_be_ignored(customer):
    assert start(Winback, customer, on_conflict="ignore").state is State.READY
    assert start(Winback, customer, on_conflict="ignore") is None
    assert count(Winback) == 1


def test_or_replace_the_existing_journey(customer):
    first = start(Winback, customer)
    second = start(Winback, customer, on_conflict="replace", data={"is": "new"})
    reload(first)
    assert (first.state, first.reason) == (State.CANCELED, "replaced by another journey")
    assert (second.state, second.data) == (State.READY, {"is": "new"})


def test_what_leaves_the_rule_is_neither_given_nor_replaced(customer):
    multiple, account = start(Winback, customer, allow_multiple=True), create(Account)
    single, other = start(Winback, customer), start(Winback, account)
    assert start(Winback, customer, on_conflict="existing") == single
    start(Winback, customer, on_conflict="replace")
    states = {journey.id: journey.state for journey in these(Winback)}
    assert (states[multiple.id], states[single.id], states[other.id]) == ("ready", "canceled", "ready")


def test_if_the_replacement_can_not_start_the_existing_journey_stays(customer):
    journey = start(Winback, customer)
    with pytest.raises((DatabaseError, ValueError)):
        start(Winback, customer, on_conflict="replace", data={"ratio": float("nan")})
    reload(journey)
    assert journey.state is State.READY
