"""The service's client of the payment provider (see `provider.py` for the other end)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from service.payments import Payment
from service.settings import BANK_URL

SECONDS_TO_ANSWER = 10.0
CERTIFICATES = ssl.create_default_context()
"""Read once: it takes longer than a request."""


class BankUnavailable(Exception):
    """The bank can't say anything now. It may have done what it was asked to do; ask again with the same key."""


class BankRefused(Exception):
    """The bank says that the request is wrong: a fault of ours, for a person to look at."""


@dataclass(frozen=True)
class Transfer:
    id: str
    state: str
    """processing, complete or declined."""
    explanation: str


async def order(payment: Payment, *, idempotency_key: str) -> Transfer:
    """Ask for the payment's money to be moved, once per key, however often it is asked.

    Raises:
        BankUnavailable: no answer, or a 503. Whether the bank has heard is not known.
    """
    body = {"account": payment.account, "cents": payment.cents}
    return await _ask("POST", "/transfers", json=body, headers={"Idempotency-Key": idempotency_key})


async def details(transfer_id: str) -> Transfer:
    """Ask how far a transfer has come; raises `BankUnavailable` as `order` does."""
    return await _ask("GET", f"/transfers/{transfer_id}")


async def _ask(method: str, path: str, **options: Any) -> Transfer:
    try:
        async with httpx.AsyncClient(base_url=BANK_URL, timeout=SECONDS_TO_ANSWER, verify=CERTIFICATES) as bank:
            response = await bank.request(method, path, **options)
    except httpx.TransportError as error:
        raise BankUnavailable(f"no answer: {error!r}") from error
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise BankUnavailable(response.json()["detail"])
    if response.is_error:
        raise BankRefused(response.text)
    told = response.json()
    return Transfer(told["id"], told["state"], told["explanation"])
