"""A hero that is read by a kept statement is the object that Django would have read."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, models

from stepper_motor import now
from stepper_motor.django import reading
from tests.shop.models import Account, Country, Customer, OrderLine, Payment, PaymentJourney, Profile, VipCustomer

pytestmark = pytest.mark.django_db


class Shouted(str): ...


class LoudField(models.CharField):
    """What is read of it is another class than what is kept."""

    def from_db_value(self, value, expression, connection):
        return None if value is None else Shouted(value.upper())


class Odd(models.Model):
    """A column for each thing that a database or Django reads in a way of its own."""

    percent = models.IntegerField(db_column="per cent")
    flag = models.BooleanField(null=True)
    at = models.DateTimeField(null=True)
    lasts = models.DurationField(null=True)
    price = models.DecimalField(max_digits=10, decimal_places=3)
    token = models.UUIDField()
    notes = models.JSONField(null=True)
    raw = models.BinaryField()
    loud = LoudField(max_length=20)

    class Meta:
        app_label = "odd"  # of no app, so that nobody misses its migrations


class Key(str): ...


class KeyField(models.CharField):
    """A key that is kept without what it begins with."""

    def from_db_value(self, value, expression, connection):
        return None if value is None else Key(f"key_{value}")

    def get_prep_value(self, value):
        return None if value is None else str(value).removeprefix("key_")


class Keyed(models.Model):
    id = KeyField(max_length=30, primary_key=True)

    class Meta:
        app_label = "odd"


class Owned(models.Model):
    """Its foreign keys are read as the keys they lead to."""

    account = models.ForeignKey(Account, models.CASCADE)
    country = models.ForeignKey(Country, models.CASCADE, null=True)
    profile = models.ForeignKey(Profile, models.CASCADE, null=True)
    keyed = models.ForeignKey(Keyed, models.CASCADE, null=True)

    class Meta:
        app_label = "odd"


class Accounted(models.Model):
    """The same, with nothing that is not Django's."""

    account = models.ForeignKey(Account, models.CASCADE)

    class Meta:
        app_label = "odd"


class Reversed(models.CharField):
    """The database turns it round as it is selected."""

    def select_format(self, compiler, sql, params):
        return f"upper({sql})", params


class Selected(models.Model):
    word = Reversed(max_length=20)

    class Meta:
        app_label = "odd"


class Kept(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(name__startswith="A")


class Filtered(models.Model):
    """Its base manager leaves rows out."""

    name = models.CharField(max_length=20)
    everything = models.Manager()
    kept = Kept()

    class Meta:
        app_label = "odd"  # of no app, so that nobody misses its migrations
        base_manager_name = "kept"


@pytest.fixture
def table():
    made = []

    def of(model):
        with connection.schema_editor(atomic=False) as editor:
            editor.create_model(model)
        made.append(model)
        return model

    yield of
    for model in reversed(made):
        with connection.schema_editor(atomic=False) as editor:
            editor.delete_model(model)


def same(model, key):
    """What is read, if Django reads the same."""
    found, expected = reading.read(model, key, "default"), model._base_manager.filter(pk=key).first()
    assert (type(found), found) == (type(expected), expected)
    if found is not None:
        names = [field.attname for field in model._meta.concrete_fields]
        assert {name: found.__dict__[name] for name in names} == {name: expected.__dict__[name] for name in names}
        kinds = {name: type(found.__dict__[name]) for name in names}
        assert kinds == {name: type(expected.__dict__[name]) for name in names}
        assert (found._state.db, found._state.adding) == (expected._state.db, expected._state.adding)
    return found


def test_plain_models_with_keys_of_all_kinds():
    customer = Customer.objects.create(name="Ada")
    assert same(Customer, customer.pk) == customer
    assert same(Account, Account.objects.create(name="her account").pk).name == "her account"
    assert same(Country, Country.objects.create(code="DE").pk).code == "DE"
    assert same(Profile, Profile.objects.create(customer=customer).pk).customer == customer
    assert same(Payment, Payment.objects.create(amount=Decimal("1.50")).pk).amount == Decimal("1.50")


@pytest.mark.django_db(transaction=True)
def test_a_foreign_key_is_read_as_what_it_leads_to(table):
    account = Account.objects.create(name="her account")
    table(Accounted)
    accounted = Accounted.objects.create(account=account)
    assert same(Accounted, accounted.pk).account_id == account.pk
    table(Keyed)
    table(Owned)
    keyed = Keyed.objects.create(id="key_7")
    owned = Owned.objects.create(account=account, country=Country.objects.create(code="DE"), keyed=keyed)
    found = same(Owned, owned.pk)
    assert (found.account_id, found.country_id, found.keyed_id) == (account.pk, "DE", Key("key_7"))
    assert same(Keyed, keyed.pk).pk == "key_7"
    found.save()


@pytest.mark.django_db(transaction=True)
def test_what_is_selected_by_an_expression_of_its_own_is_left_to_the_orm(table):
    table(Selected)
    assert same(Selected, Selected.objects.create(word="abc").pk).word == "ABC"


def test_one_that_is_gone_is_none():
    assert same(Customer, 4711) is None
    assert same(Customer, 10**30) is None
    assert same(Account, uuid.uuid4()) is None


@pytest.mark.django_db(transaction=True)
def test_columns_that_are_read_in_a_way_of_their_own(table):
    table(Odd)
    odd = Odd.objects.create(
        percent=7, flag=True, at=now(), lasts=timedelta(hours=30, microseconds=5), price=Decimal("1.250"),
        token=uuid.uuid4(), notes={"a": [1, None]}, raw=b"\0\xff", loud="hello",
    )  # fmt: skip
    found = same(Odd, odd.pk)
    assert (found.percent, found.notes, found.loud) == (7, {"a": [1, None]}, Shouted("HELLO"))
    nothing = Odd.objects.create(percent=0, price=0, token=uuid.uuid4(), notes=None, raw=b"", loud="")
    assert same(Odd, nothing.pk).flag is None


def test_what_inherits_a_table_or_has_several_keys_is_left_to_the_orm():
    vip = VipCustomer.objects.create(name="Grace")
    assert same(VipCustomer, vip.pk).name == "Grace"
    line = OrderLine.objects.create(order_number=7, line="a")
    assert same(OrderLine, line.pk) == line


@pytest.mark.django_db(transaction=True)
def test_a_base_manager_of_the_app_s_is_asked(table):
    table(Filtered)
    ada, bob = Filtered.everything.create(name="Ada"), Filtered.everything.create(name="Bob")
    assert same(Filtered, ada.pk).name == "Ada"
    assert same(Filtered, bob.pk) is None


@pytest.mark.django_db(transaction=True)
def test_own_columns_are_converted_as_django_does():
    journey = PaymentJourney(hero=Payment.objects.create(), amount=Decimal("12.50"), notes=["a", {"b": None}])
    fields = PaymentJourney._own_fields
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    PaymentJourney.objects.bulk_create([journey])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {PaymentJourney._meta.db_table}")
        values = reading.converted(fields, cursor.fetchone(), connection)
    read = {field.name: value for field, value in zip(fields, values, strict=True)}
    assert (read["amount"], read["notes"]) == (Decimal("12.50"), ["a", {"b": None}])
