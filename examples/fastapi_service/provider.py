"""A payment provider as one meets them: moody, and idempotent by key.

    uvicorn provider:app --port 8099

    POST /transfers          with an Idempotency-Key: takes a transfer on, or declines it
    GET  /transfers/{id}     processing or complete; each question brings a transfer on its way
    PUT  /online/{answer}    "no": everything above is answered 503, until "yes"
    GET  /ledger             every transfer, how often its money was moved, and how often its key was seen

Every third request is answered 503, and half of these only after the work was done: the caller can't know.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

THINKING = 0.05
"""Seconds it takes over a request."""
QUESTIONS = 2
"""How often one has to ask until a transfer is complete."""


class Order(BaseModel):
    account: str
    cents: int


class Transfer(BaseModel):
    id: str
    order: Order
    state: Literal["processing", "complete", "declined"] = "processing"
    explanation: str = ""
    questions: int = 0
    moved: int = 0
    """How often its money was moved. One would hope for at most once."""
    seen: int = 0
    """How often it was ordered."""


class Books:
    def __init__(self) -> None:
        self.transfers: dict[str, Transfer] = {}
        """By idempotency key."""
        self.requests = 0
        self.online = True


app = FastAPI(title="A payment provider")
books = Books()


@app.post("/transfers")
async def take_on(order: Order, idempotency_key: Annotated[str, Header()]) -> Transfer:
    async with moodily():
        transfer = books.transfers.get(idempotency_key)
        if transfer is None:
            transfer = books.transfers[idempotency_key] = create(order)
        if transfer.order != order:
            raise HTTPException(409, "this key was used for another order")
        transfer.seen += 1
        return transfer


@app.get("/transfers/{transfer_id}")
async def tell(transfer_id: str) -> Transfer:
    async with moodily():
        transfer = next((each for each in books.transfers.values() if each.id == transfer_id), None)
        if transfer is None:
            raise HTTPException(404, "no such transfer")
        bring_on(transfer)
        return transfer


@app.put("/online/{answer}")
async def set_online(answer: Literal["yes", "no"]) -> None:
    books.online = answer == "yes"


@app.get("/ledger")
async def ledger() -> list[Transfer]:
    return list(books.transfers.values())


def create(order: Order) -> Transfer:
    transfer = Transfer(id=f"T{len(books.transfers) + 1:05}", order=order)
    if order.account.startswith("CLOSED"):
        transfer.state, transfer.explanation = "declined", "the account is closed"
    return transfer


def bring_on(transfer: Transfer) -> None:
    transfer.questions += 1
    if transfer.state == "processing" and transfer.questions >= QUESTIONS:
        transfer.state, transfer.moved = "complete", transfer.moved + 1


@asynccontextmanager
async def moodily() -> AsyncIterator[None]:
    """Around the work of a request: every third one fails, in turn before the work and after it."""
    await asyncio.sleep(THINKING)
    if not books.online:
        raise HTTPException(503, "closed for maintenance")
    books.requests += 1
    fails, after_the_work = books.requests % 3 == 0, books.requests % 2 == 0
    if fails and not after_the_work:
        raise HTTPException(503, "overloaded")
    yield
    if fails:
        raise HTTPException(503, "overloaded")
