"""The indexes of the journeys' table, on every database."""

import pytest
from django.db import connection

from stepper_motor import AlreadyOnJourney
from stepper_motor.django import Journey
from stepper_motor.django.constraints import OnePerHero
from tests.shop.journeys import Drip
from tests.shop.models import Customer


def indexed_columns(model):
    """The columns of each index of the table, in order."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return [tuple(each["columns"]) for each in found.values() if each["index"] or each["unique"]]


@pytest.mark.django_db
def test_the_journeys_of_a_hero_are_found_by_an_index():
    assert ("hero_type", "hero_id") in [columns[:2] for columns in indexed_columns(Journey)]


@pytest.mark.django_db(transaction=True)
def test_the_one_per_hero_rule_can_be_taken_away_and_put_back():
    (rule,) = [each for each in Journey._meta.constraints if isinstance(each, OnePerHero)]
    customer, before = Customer.objects.create(), sorted(map(str, indexed_columns(Journey)))
    with connection.schema_editor() as editor:
        editor.remove_constraint(Journey, rule)
    try:
        assert ("hero_type", "hero_id") not in [columns[:2] for columns in indexed_columns(Journey)]
    finally:
        with connection.schema_editor() as editor:
            editor.add_constraint(Journey, rule)
    assert sorted(map(str, indexed_columns(Journey))) == before
    Drip.start(customer)
    with pytest.raises(AlreadyOnJourney):
        Drip.start(customer)
