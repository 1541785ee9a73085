"""A journey with a table of its own, as a Django model: columns, constraints, indexes. DESIGN 5."""

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from stepper_motor import DefinitionError, step
from stepper_motor.django import AbstractJourney, Journey
from stepper_motor.django.constraints import OnePerHero
from stepper_motor.django.metaclass import roots
from tests.shop.models import Payment, PaymentJourney

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment():
    return Payment.objects.create(amount=12.5)


@pytest.fixture
def no_new_roots():
    before = list(roots)
    yield
    roots[:] = before


def test_the_database_knows_its_hero(payment):
    PaymentJourney.start(payment)
    assert Payment.objects.filter(journeys__state="ready").get() == payment
    with connection.cursor() as cursor:
        foreign_keys = connection.introspection.get_constraints(cursor, "shop_paymentjourney").values()
    assert ("shop_payment", "id") in [each["foreign_key"] for each in foreign_keys]


def test_its_journeys_are_not_among_those_of_the_shared_table(payment):
    PaymentJourney.start(payment)
    assert not Journey.objects.exists()
    assert PaymentJourney._meta.db_table == "shop_paymentjourney"
    assert PaymentJourney.History._meta.db_table == "shop_paymentjourneyhistory"
    assert {root for root in roots} >= {Journey, PaymentJourney}


def test_which_can_not_have_more_columns():
    with pytest.raises(DefinitionError, match="Columned declares the fields colour"):

        class Columned(PaymentJourney):
            colour = models.CharField(max_length=10)


@isolate_apps("tests.shop")
def test_what_several_tables_share_may_be_declared_in_an_abstract_class(no_new_roots):
    class Errand(AbstractJourney[Payment]):
        hero = models.ForeignKey(Payment, models.CASCADE, null=True)
        urgency = models.IntegerField(default=0)

        class Meta:
            abstract = True
            app_label = "shop"
            ordering = ["urgency"]

        @step
        def run(self): ...

    class Delivery(Errand): ...

    assert Delivery._meta.ordering == ["urgency"]
    assert [field.name for field in Delivery._own_fields] == ["data", "hero", "urgency"]
    assert Delivery.steps.names == ("run",)
    [rule] = [each for each in Delivery._meta.constraints if isinstance(each, OnePerHero)]
    assert rule.hero == ("hero",)
    assert not any(error.id == "models.E006" for error in Delivery.check())


@isolate_apps("tests.shop")
def test_its_indexes_have_names_of_their_own(no_new_roots):
    class First(AbstractJourney):
        class Meta:
            app_label = "shop"

    class Second(AbstractJourney):
        class Meta:
            app_label = "shop"
            indexes = [models.Index(fields=["key"], name="mine")]

    names = [each.name for root in (Journey, First, Second) for each in root._meta.indexes + root._meta.constraints]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 30
    assert "mine" in names
