"""What there is to count afterwards: the rows, the mail folder, the archives, and what the bank has booked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any

from django.conf import settings

from shop.letters import Letter
from shop.models import BonusProgram, Customer, Payment
from stage.board import KINDS
from stage.crew import Crew
from stepper_motor.django import Journey


@dataclass(frozen=True)
class Mail:
    """One mail. Repetitions of it carry the same key, and are the same one."""

    subject: str
    to: str
    key: str


class Evidence:
    def __init__(self, ledger: list[dict[str, Any]], crew: Crew) -> None:
        self.ledger = ledger
        self.crew = crew
        self.journeys: dict[type[Journey[Any]], list[Journey[Any]]] = {
            kind: list(kind.objects.order_by("pk")) for kind in KINDS
        }
        self.history = {journey.pk: list(journey.history.all()) for journey in self.everyone()}
        self.customers = {str(customer.pk): customer for customer in Customer.objects.all()}
        self.payments = {str(payment.pk): payment for payment in Payment.objects.all()}
        self.bonuses = Counter(BonusProgram.objects.values_list("kind", flat=True))
        self.archives = sorted(Path(settings.ARCHIVE_FOLDER).glob("*.csv.gz"))
        copies = [mail for file in Path(settings.EMAIL_FILE_PATH).glob("*") for mail in _mails_in(file)]
        self.mails = set(copies)
        self.copies_of_mails = len(copies) - len(self.mails)

    def everyone(self) -> Iterator[Journey[Any]]:
        for journeys in self.journeys.values():
            yield from journeys

    def times(self, kind: type[Journey[Any]], step: str, *outcomes: str) -> int:
        """How often a performance of the step had one of the outcomes."""
        return sum(
            entry.step_name == step and entry.outcome in outcomes
            for journey in self.journeys[kind]
            for entry in self.history[journey.pk]
        )

    def sent(self, letter: Letter) -> int:
        return sum(mail.subject == letter.subject for mail in self.mails)


def _mails_in(file: Path) -> Iterator[Mail]:
    for content in file.read_bytes().split(b"-" * 79 + b"\n"):
        if content.strip():
            message = message_from_bytes(content.lstrip())
            yield Mail(str(message["Subject"]), str(message["To"]), str(message["Message-ID"]))
