"""A journey with a table of its own: columns, a real foreign key, a UUID key; served by the same motor. DESIGN 5."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import isolate_apps

from stepper_motor import AlreadyOnJourney, DefinitionError, State, step
from stepper_motor.django import AbstractJourney, Journey, motor
from stepper_motor.django.constraints import OnePerHero
from stepper_motor.django.metaclass import roots
from stepper_motor.motor.housekeeping import Housekeeper
from tests.shop.models import Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Refund(PaymentJourney):
    """It shares the table of payments' journeys, as a type of its own."""

    @step(after_step="initiate")
    def reverse(self):
        self.amount = -self.amount


@pytest.fixture
def payment():
    return Payment.objects.create(amount=Decimal("12.50"))


@pytest.fixture
def no_new_roots():
    before = list(roots)
    yield
    roots[:] = before


def test_its_steps_set_its_own_columns(clock, payment):
    journey = PaymentJourney.start(payment)
    journey.perform_next_step()
    clock.move(timedelta(seconds=30))
    journey.perform_next_step()
    found = PaymentJourney.objects.get()
    assert (found.state, found.amount, found.notes) == (State.FINISHED, Decimal("12.50"), ["initiated", "confirmed"])
    assert [entry.step_name for entry in found.history.all()] == ["initiate", "confirm"]


def test_its_key_may_be_a_uuid(payment):
    journey = PaymentJourney.start(payment)
    assert isinstance(journey.pk, uuid.UUID)
    journey.pause()
    assert PaymentJourney.objects.get(pk=journey.pk).history.get().journey_id == journey.pk
    other = PaymentJourney.start()
    assert PaymentJourney.objects.all().cancel() == (2, 0, 0)
    assert other.idempotency_key != journey.idempotency_key


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


def test_the_same_motor_serves_it(clock, payment):
    PaymentJourney.start(payment)
    lost = PaymentJourney.start()
    held = {"state": "performing", "performed_by": "worker 1", "lease_expires_at": clock.now()}
    models.QuerySet.update(PaymentJourney._base_manager.filter(pk=lost.pk), **held)
    assert Housekeeper(motor()).keep().recovered == 1
    PaymentJourney.objects.all().finish()
    clock.move(timedelta(days=30))
    assert Housekeeper(motor()).keep().deleted == 2
    assert not PaymentJourney.History.objects.exists()


def test_a_class_derived_from_it_is_a_type_of_its_own(clock, payment):
    first, refund = PaymentJourney.start(payment), Refund.start(payment)
    with pytest.raises(AlreadyOnJourney):
        Refund.start(payment)
    assert (refund._meta.db_table, refund.type) == ("shop_paymentjourney", f"{__name__}.Refund")
    assert set(PaymentJourney.objects.all()) == {first, refund}
    assert [type(journey) for journey in Refund.objects.all()] == [Refund]
    for _ in range(2):
        refund.perform_next_step()
    assert Refund.objects.get().amount == Decimal("-12.50")


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


@pytest.mark.parametrize("root", [Journey, PaymentJourney])
@pytest.mark.parametrize(
    "violation",
    [
        "next_step_to_be_performed_at = NULL",
        "fence = NULL",
        "performed_by = 'worker 1'",
        "lease_expires_at = '2030-01-10 12:00:00'",
    ],
)
def test_the_database_refuses_rows_that_no_transition_makes(root, violation, payment):
    """A ready row has a due time, every row a fence, and who holds a row has a lease: raw SQL meets that too."""
    root.objects.bulk_create([PaymentJourney(hero=payment)] if root is PaymentJourney else [ByHand()])
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {root._meta.db_table} SET {violation}")


@pytest.mark.parametrize("state", ["paused", "finished", "canceled"])
def test_only_a_ready_row_needs_a_due_time(state):
    ByHand.start()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE stepper_motor_journeys SET next_step_to_be_performed_at = NULL, state = %s", [state])
    assert ByHand.objects.get().state == state


def test_an_insert_by_hand_meets_the_rule_as_well():
    ByHand.start()
    quote = connection.ops.quote_name
    columns = {field.column for field in Journey._meta.concrete_fields} - {"id", "next_step_to_be_performed_at"}
    listed = ", ".join(map(quote, columns))
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO stepper_motor_journeys ({listed}) SELECT {listed} FROM stepper_motor_journeys")


class ByHand(Journey[Payment]):
    @step
    def go(self): ...
