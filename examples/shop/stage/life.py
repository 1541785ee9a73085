"""What happens to the customers meanwhile: they buy, renew, leave; a bank fails; an operator lends a hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from django.contrib.auth.models import User

from shop.checkout import buy
from shop.journeys import AccountErasureJourney, PaymentJourney, ReengagementJourney, SignupJourney
from shop.models import Customer
from stage.cast import Cast
from stage.processes import Bank
from stepper_motor import InvalidState

SALE = 12.0
"""The day of the sale: many payments at once."""
COMPLAINT = "a complaint is looked into"
ARTICLES = ("teapot", "lamp", "notebook", "umbrella", "kettle")
BANKS = ("BLUE", "BLUE", "GREEN", "GREEN", "RED")


@dataclass(frozen=True)
class Happening:
    day: float
    happen: Callable[[], str | None]
    """Gives a line for the spectators, if there is something to tell."""


class Life:
    """A plan of happenings, drawn from the dice before the play begins."""

    def __init__(self, cast: Cast, dice: random.Random, *, operator: User, bank: Bank) -> None:
        self._dice = dice
        self._operator = operator
        self._bank = bank
        self._plan = sorted(self._happenings(cast), key=lambda happening: happening.day)

    @property
    def over(self) -> bool:
        return not self._plan

    def go_on(self, *, day: float) -> Iterator[str]:
        """Lets happen what is planned up to the day."""
        while self._plan and self._plan[0].day <= day:
            if line := self._plan.pop(0).happen():
                yield line

    def _happenings(self, cast: Cast) -> Iterator[Happening]:
        for customer in self._some(cast["newcomer"], 0.35):
            yield self._on(1, 16, self._buys, customer)
        for customer in self._some(cast["newcomer"], 0.2):
            yield self._on(0.5, 16, self._leaves, customer)
        for customer in self._some(cast["newcomer"], 0.1):
            yield self._on(1, 16, self._wants_to_be_forgotten, customer)
        for customer in self._some(cast["dormant"], 0.5):
            yield self._on(2, 23, self._buys, customer)
        for customer in self._some(cast["subscriber"], 0.5):
            yield self._on(3, 30, self._renews, customer)
        for customer in self._some(cast["newcomer"] + cast["subscriber"], 0.4):
            yield self._on(SALE, SALE + 1, self._buys, customer)
        yield Happening(6, self._red_bank_fails)
        yield Happening(8, self._operator_pauses)
        yield Happening(SALE, lambda: "sale: many payments at once")
        yield Happening(18, self._operator_resumes)
        yield Happening(25, self._red_bank_is_back)
        yield Happening(26, self._operator_resumes_payments)
        for customer in cast["subscriber"][:2]:
            yield Happening(28, partial(self._buys, customer, bank_code="GREY"))

    def _some(self, customers: list[Customer], share: float) -> list[Customer]:
        return self._dice.sample(customers, round(len(customers) * share))

    def _on(self, first: float, last: float, what: Callable[[Customer], None], customer: Customer) -> Happening:
        return Happening(self._dice.uniform(first, last), partial(what, customer))

    # What customers do, as long as they are customers.

    def _buys(self, customer: Customer, *, bank_code: str = "") -> None:
        if present := _still_there(customer):
            account = f"{bank_code or self._dice.choice(BANKS)}-{present.pk:06}"
            buy(
                present,
                article=self._dice.choice(ARTICLES),
                cents=self._dice.randint(500, 50_000),
                from_account=account,
            )

    def _renews(self, customer: Customer) -> None:
        if present := _still_there(customer):
            present.renew()

    def _leaves(self, customer: Customer) -> None:
        if present := _still_there(customer):
            present.deactivate()

    def _wants_to_be_forgotten(self, customer: Customer) -> None:
        if present := _still_there(customer):
            AccountErasureJourney.start(present, on_conflict="existing")

    # What the operator does, from outside and while workers are at work.

    def _operator_pauses(self) -> str:
        paused = 0
        for kind in (SignupJourney, ReengagementJourney):
            for journey in kind.objects.ongoing().order_by("pk")[:4]:
                with suppress(InvalidState):  # It may have ended a moment ago.
                    journey.pause(by=self._operator, reason=COMPLAINT)
                    paused += 1
        return f"{self._operator} pauses {paused} journeys: {COMPLAINT}"

    def _operator_resumes(self) -> str:
        resumed = 0
        for kind in (SignupJourney, ReengagementJourney):
            settled = list(kind.objects.paused().order_by("pk").values_list("pk", flat=True)[:3])
            resumed += kind.objects.filter(pk__in=settled).resume(by=self._operator, reason="settled").changed
        return f"{self._operator} resumes {resumed} of them: settled"

    def _operator_resumes_payments(self) -> str:
        result = PaymentJourney.objects.paused().resume(by=self._operator, reason="RED is back")
        return f"{self._operator} resumes the {result.changed} payments that were paused meanwhile"

    # What the banks do.

    def _red_bank_fails(self) -> str:
        self._bank.set_online("RED", online=False)
        self._bank.set_online("GREY", online=False)
        return "the bank RED goes offline: its payments are tried eight times, then paused"

    def _red_bank_is_back(self) -> str:
        self._bank.set_online("RED", online=True)
        return "the bank RED is back"


def _still_there(customer: Customer) -> Customer | None:
    return Customer.objects.filter(pk=customer.pk, deactivated_at=None).first()
