"""Who is on stage: customers in four situations, each sent on the journey that fits."""

from __future__ import annotations

import random
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from shop.clock import now
from shop.journeys import AccountErasureJourney, ChurnPreventionJourney, ReengagementJourney, SignupJourney
from shop.models import AuthToken, Customer, Datapoint

FIRST_NAMES = (
    "Ada",
    "Ben",
    "Chloe",
    "Dev",
    "Ema",
    "Finn",
    "Gita",
    "Hugo",
    "Ines",
    "Jun",
    "Kofi",
    "Lena",
    "Milo",
    "Nora",
)
LAST_NAMES = (
    "Abel",
    "Brandt",
    "Costa",
    "Diaz",
    "Eriksen",
    "Fischer",
    "Haas",
    "Ito",
    "Kaya",
    "Lopez",
    "Novak",
    "Okafor",
)
SITUATIONS = ("newcomer", "newcomer", "newcomer", "dormant", "dormant", "subscriber", "subscriber", "leaving")

Cast = dict[str, list[Customer]]


def invite(number: int, dice: random.Random) -> Cast:
    """Creates the customers, with something to lose each: tokens and datapoints."""
    cast: Cast = {situation: [] for situation in SITUATIONS}
    for index in range(number):
        situation = SITUATIONS[index % len(SITUATIONS)]
        cast[situation].append(_customer(index, dice, subscribes=situation == "subscriber"))
    everyone = [customer for group in cast.values() for customer in group]
    with transaction.atomic():
        Customer.objects.bulk_create(everyone)
        AuthToken.objects.bulk_create(AuthToken(customer=customer) for customer in everyone for _ in range(2))
        Datapoint.objects.bulk_create(_visit(customer) for customer in everyone for _ in range(3))
    return cast


def send_on_their_way(cast: Cast) -> int:
    """Starts a journey for each, a few statements for them all."""
    return (
        SignupJourney.start_for(_those(cast["newcomer"]))
        + ReengagementJourney.start_for(_those(cast["dormant"]))
        + ChurnPreventionJourney.start_for(_those(cast["subscriber"]))
        + AccountErasureJourney.start_for(_those(cast["leaving"]), spread=timedelta(days=20))
    )


def _customer(index: int, dice: random.Random, *, subscribes: bool) -> Customer:
    name = f"{dice.choice(FIRST_NAMES)} {dice.choice(LAST_NAMES)}"
    email = f"{name.lower().replace(' ', '.')}.{index}@mail.example"
    ends = now() + timedelta(days=dice.uniform(12, 45)) if subscribes else None
    return Customer(name=name, email=email, subscription_lapses_at=ends)


def _visit(customer: Customer) -> Datapoint:
    return Datapoint(customer=customer, event="visit", properties={"name": customer.name, "email": customer.email})


def _those(customers: list[Customer]) -> QuerySet[Customer]:
    return Customer.objects.filter(pk__in=[customer.pk for customer in customers])
