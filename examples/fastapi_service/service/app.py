"""The web app: `uvicorn service.app:app`.

    POST /payments                {"account": "...", "cents": 2500}: starts a payment's journey
    GET  /payments?state=paused   who is where
    GET  /payments/{id}           one payment's timeline
    POST /payments/{id}/pause     also resume and cancel; ?by=olga&reason=... go into the history

What is refused because of the state a payment is in is answered 409.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.database import engine, sessions
from service.journeys import PaymentJourney
from service.motor import motor
from service.payments import Booking, Payment
from service.settings import WORKER_INSIDE
from service.shapes import Entry, Order, Standing, Timeline
from stepper_motor import InvalidState, State

MOST = 1_000_000
"""Cents that may go to one account in all."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """A worker lives as long as the app, if that was asked for: never because a module was imported."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        if WORKER_INSIDE:
            await stack.enter_async_context(motor.aworking())
        yield


app = FastAPI(title="Payments", lifespan=lifespan)


async def transaction() -> AsyncIterator[AsyncSession]:
    """A session whose transaction is committed when the endpoint returns, and rolled back when it raises."""
    async with sessions.begin() as session:
        yield session


# With the scope "request", which is the default, the answer would go out before the commit.
InTransaction = Annotated[AsyncSession, Depends(transaction, scope="function")]


@app.post("/payments", status_code=201)
async def pay(order: Order, session: InTransaction) -> Standing:
    """Take a payment on. It and its journey are committed together, or not at all."""
    payment = Payment(account=order.account, cents=order.cents)
    session.add(payment)
    journey = await PaymentJourney.astart(session, payment, at=order.at)
    if await promised_to(order.account, session) > MOST:
        raise HTTPException(409, f"no more than {MOST / 100:,.2f} may go to one account")
    return Standing(id=payment.id, state=journey.state)


@app.get("/payments")
async def standings(session: InTransaction, state: State | None = None) -> list[Standing]:
    """All payments, or those whose journeys are in this state."""
    chosen = select(PaymentJourney).order_by(PaymentJourney.hero_id)
    if state is not None:
        chosen = chosen.where(PaymentJourney.state == state)
    return [Standing(id=journey.hero_id, state=journey.state) for journey in await session.scalars(chosen)]


@app.get("/payments/{payment_id}")
async def show(payment_id: int, session: InTransaction) -> Timeline:
    """How far a payment has come, how it got there, and what comes next."""
    return await timeline(await find(session, payment_id), session)


@app.post("/payments/{payment_id}/pause")
async def pause(payment_id: int, session: InTransaction, by: str, reason: str | None = None) -> Timeline:
    journey = await find(session, payment_id)
    await journey.apause(reason, by=by)
    return await timeline(journey, session)


@app.post("/payments/{payment_id}/resume")
async def resume(payment_id: int, session: InTransaction, by: str, reason: str | None = None) -> Timeline:
    journey = await find(session, payment_id)
    await journey.aresume(by=by, reason=reason)
    return await timeline(journey, session)


@app.post("/payments/{payment_id}/cancel")
async def cancel(payment_id: int, session: InTransaction, by: str, reason: str | None = None) -> Timeline:
    """Take a payment back, as long as the bank has not been asked."""
    journey = await find(session, payment_id, locked=True)  # no worker can take it while we look and decide
    if journey.state.ongoing and journey.bank_may_know:
        raise HTTPException(409, "too late: the bank has the order, or may have it")
    await journey.acancel(reason, by=by)
    return await timeline(journey, session)


@app.exception_handler(InvalidState)
async def refuse(request: Request, error: InvalidState) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=409)


async def promised_to(account: str, session: AsyncSession) -> int:
    """Cents of all payments to this account. A limit that holds for two requests at once would lock the account."""
    return await session.scalar(select(func.sum(Payment.cents)).where(Payment.account == account)) or 0


async def find(session: AsyncSession, payment_id: int, *, locked: bool = False) -> PaymentJourney:
    chosen = select(PaymentJourney).where(PaymentJourney.hero_id == payment_id)
    journey = await session.scalar(chosen.with_for_update() if locked else chosen)
    if journey is None:
        raise HTTPException(404, "no such payment")
    return journey


async def timeline(journey: PaymentJourney, session: AsyncSession) -> Timeline:
    bookings = await session.scalars(select(Booking.cents).where(Booking.payment_id == journey.hero_id))
    return Timeline(
        id=journey.hero_id,
        state=journey.state,
        explanation=str(journey.explain()),
        booked=list(bookings),
        history=[Entry.model_validate(entry) for entry in await journey.ahistory()],
    )
