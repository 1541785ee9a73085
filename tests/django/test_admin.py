"""The list of journeys in Django's admin: what it tells, what it finds, and what it costs."""

from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from stepper_motor import step
from stepper_motor.django import Journey
from stepper_motor.django.admin import listing
from tests.django.operators import (
    LIST,
    client_of,
    held_by_the_dead,
    ids_in,
    operator,
    rows_of,
    start_at,
    text_of,
    viewer,
)
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Account, Country, Customer, Payment, PaymentJourney

pytestmark = pytest.mark.django_db


class Renewal(Journey[Customer]):
    @step(wait=timedelta(days=1))
    def remind(self): ...


def test_a_row_tells_type_hero_state_step_and_when_it_is_due(clock, customer, admin_client):
    journey = Renewal.start(customer)
    (row,) = rows_of(admin_client.get(LIST))
    assert row == f"{journey.pk} {Renewal.definition.type_name} Ada customer ready remind in 1 day"


def test_the_reason_of_a_paused_journey_stands_beside_its_state(clock, customer, admin_client):
    Renewal.start(customer).pause("waits for legal")
    assert "paused waits for legal" in rows_of(admin_client.get(LIST))[0]


def test_an_overdue_step_is_marked_after_a_minute(clock, customer, admin_client):
    Drip.start(customer)
    assert rows_of(admin_client.get(LIST))[0].endswith("now")
    clock.move(timedelta(hours=3))
    page = admin_client.get(LIST)
    assert rows_of(page)[0].endswith("overdue by 3 hours")
    assert "sm-overdue" in page.content.decode()


def test_a_lost_performance_is_marked(clock, customer, admin_client):
    held_by_the_dead(customer, clock.now())
    assert "performing lost" in rows_of(admin_client.get(LIST))[0]


def test_a_journey_of_an_unknown_type_is_listed_as_such_and_has_its_page(clock, customer, admin_client):
    journey = start_at(Drip, customer, type="shop.Gone")
    response = admin_client.get(LIST)
    assert "shop.Gone unknown" in rows_of(response)[0]
    assert "no class of this code has this type name" in text_of(admin_client.get(f"{LIST}{journey.pk}/change/"))


def test_a_step_that_this_code_does_not_know_is_marked(clock, customer, admin_client):
    start_at(Drip, customer, next_step_name="removed")
    assert "removed unknown" in rows_of(admin_client.get(LIST))[0]


# ------------------------------------------------------------------------------------------------------ heroes


def test_a_hero_is_a_link_to_its_own_page_for_those_who_may_see_that(clock, customer, admin_client):
    Drip.start(customer)
    link = f'<a href="/admin/shop/customer/{customer.pk}/change/">Ada</a>'
    assert link in admin_client.get(LIST).content.decode()
    plain = viewer().get(LIST)
    assert link not in plain.content.decode()
    assert "Ada customer" in rows_of(plain)[0]


def test_a_hero_without_a_page_of_its_own_is_told_without_a_link(clock, admin_client):
    hero = Country.objects.create(code="NL")
    Drip.start(hero)
    assert "Country object (NL) country" in rows_of(admin_client.get(LIST))[0]


def test_a_hero_whose_record_is_gone_is_told_by_its_id(clock, customer, admin_client):
    Drip.start(customer)
    key = customer.pk
    customer.delete()
    assert f"customer {key} gone" in rows_of(admin_client.get(LIST))[0]


def test_a_hero_whose_table_nobody_knows_is_told_by_its_id(clock, customer, admin_client):
    start_at(Drip, customer, hero_type="warehouse_crate")
    assert f"warehouse_crate {customer.pk} no such model" in rows_of(admin_client.get(LIST))[0]


def test_what_users_wrote_is_escaped(clock, admin_client):
    Drip.start(Customer.objects.create(name="<script>alert(1)</script>")).pause("<b>bold</b>")
    body = admin_client.get(LIST).content.decode()
    assert "<script>alert" not in body
    assert "<b>bold" not in body


# ------------------------------------------------------------------------------------------------------- cost


def queries_of(client, **parameters):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(LIST, parameters).status_code == 200
    return [query["sql"] for query in queries]


def test_a_longer_list_takes_no_more_queries(clock, admin_client):
    heroes = [Customer.objects.create(name=str(n)) for n in range(20)] + [Account.objects.create() for _ in range(20)]
    for hero in (heroes[0], heroes[-1]):
        Drip.start(hero)
    few = queries_of(admin_client)
    for hero in heroes:
        ThreeSteps.start(hero)
    assert len(queries_of(admin_client)) == len(few)


def test_the_list_never_counts_all_rows(clock, customer, admin_client):
    Drip.start(customer)
    counts = [sql for sql in queries_of(admin_client, state__exact="ready") if "COUNT(" in sql]
    assert counts
    assert all(f"LIMIT {listing.COUNTED_UP_TO}" in sql for sql in counts)


def test_a_list_that_is_too_long_to_count_says_so(clock, admin_client, monkeypatch):
    monkeypatch.setattr(listing, "COUNTED_UP_TO", 3)
    for name in "abcde":
        Drip.start(Customer.objects.create(name=name))
    assert "There are 3 or more; the list counts and pages no further" in text_of(admin_client.get(LIST))


# ----------------------------------------------------------------------------------------------- who may see


def test_only_those_who_may_view_journeys_see_them(clock, customer):
    journey = Drip.start(customer)
    outsider = client_of("otto", "shop.view_customer")
    assert outsider.get(LIST).status_code == 403
    assert outsider.get(f"{LIST}{journey.pk}/change/").status_code == 403
    assert viewer().get(LIST).status_code == 200


def test_only_operators_are_offered_operations(clock, customer):
    Drip.start(customer)
    assert 'value="cancel"' not in viewer().get(LIST).content.decode()
    assert 'value="cancel"' in operator().get(LIST).content.decode()


def test_nobody_adds_a_journey_by_hand(clock, admin_client):
    assert admin_client.get(f"{LIST}add/").status_code == 403


@pytest.mark.urls("tests.django.admin_urls")
def test_a_hidden_proxy_asks_for_the_permissions_of_its_table(clock, customer):
    drip = Drip.start(customer)
    Renewal.start(customer)
    before = ContentType.objects.count()
    client = client_of("paul", "stepper_motor.view_journey", "stepper_motor.operate_journey")
    assert ids_in(client.get("/drips/shop/drip/")) == {str(drip.pk)}
    client.post(f"/drips/shop/drip/{drip.pk}/operate/", {"operation": "pause", "fence": drip.fence})
    drip.refresh_from_db()
    assert drip.state == "paused"
    assert ContentType.objects.count() == before


def test_a_journey_with_a_table_of_its_own_has_a_list_of_its_own(clock, admin_client):
    payments = [Payment.objects.create(amount=n) for n in (10, 20)]
    first, second = (PaymentJourney.start(payment) for payment in payments)
    url = "/admin/shop/paymentjourney/"
    assert ids_in(admin_client.get(url)) == {str(first.pk), str(second.pk)}
    assert ids_in(admin_client.get(url, {"q": f"payment {payments[0].pk}"})) == {str(first.pk)}
    assert ids_in(admin_client.get(url, {"q": str(second.pk)})) == {str(second.pk)}
    assert ids_in(admin_client.get(url, {"q": "customer 1"})) == set()
