"""The shop's client of the payment provider (see `provider.py` for the other end)."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from shop.models import Payment

SECONDS_TO_ANSWER = 10


class BankUnavailable(Exception):
    """The bank can't say anything now. It may have done what it was asked to do; ask again with the same key."""


class BankRefused(Exception):
    """The bank says that the request is wrong: a fault of ours, for a person to look at."""


@dataclass(frozen=True)
class Transfer:
    id: str
    state: str
    """processing, complete, failed (money sent back), or declined (never taken on)."""
    explanation: str = ""


def transfer(payment: Payment, *, idempotency_key: str) -> Transfer:
    """Asks for the payment's money to be moved, once per key, however often it is asked.

    Raises:
        BankUnavailable: No answer, or a 503. Whether the bank has heard is not known.
    """
    order = {
        "reference": f"payment {payment.pk}",
        "from_account": payment.from_account,
        "to_account": payment.to_account,
        "cents": payment.cents,
    }
    return _ask("POST", "/transfers", order, {"Idempotency-Key": idempotency_key})


def details(transfer_id: str) -> Transfer:
    """Asks how far a transfer has come; raises `BankUnavailable` as `transfer` does."""
    return _ask("GET", f"/transfers/{transfer_id}")


def _ask(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Transfer:
    connection = HTTPConnection(urlsplit(settings.BANK_URL).netloc, timeout=SECONDS_TO_ANSWER)
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers or {})
        response = connection.getresponse()
        answer = json.load(response)
    except (OSError, HTTPException) as error:
        raise BankUnavailable(f"no answer: {error}") from error
    finally:
        connection.close()
    if response.status == 503:
        raise BankUnavailable(answer["explanation"])
    if response.status >= 400:
        raise BankRefused(answer["explanation"])
    return Transfer(**answer)
