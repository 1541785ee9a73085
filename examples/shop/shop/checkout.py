"""Buying something."""

from django.db import transaction

from shop.journeys import PaymentJourney
from shop.models import Customer, Payment, Purchase

ACCOUNT_OF_THE_SHOP = "SHOP-0001"


@transaction.atomic
def buy(customer: Customer, *, article: str, cents: int, from_account: str) -> Purchase:
    """Notes the purchase and sends its payment on its way: both are committed, or neither."""
    purchase = customer.purchases.create(article=article, cents=cents)
    customer.record("purchase", article=article, cents=cents, name=customer.name)
    payment = Payment.objects.create(
        sender=customer, from_account=from_account, to_account=ACCOUNT_OF_THE_SHOP, cents=cents
    )
    PaymentJourney.start(payment)
    return purchase
