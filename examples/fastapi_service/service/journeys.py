"""What happens to a payment, over seconds or over days."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service import bank
from service.database import Base
from service.payments import Booking, Payment
from stepper_motor import Outcome, Reattempt, step
from stepper_motor.sqlalchemy import JourneyMixin


class PaymentJourney(JourneyMixin[Payment], Base):
    """Moves money once: hands the order to the bank, asks until the bank says that it has arrived, then books it.

    A step that was lost with its worker is performed again: asking is harmless, and ordering is too, as the idempotency
    key stays the same whatever happens to the worker, and the bank moves money once per key.
    """

    __tablename__ = "payment_journeys"

    hero_id: Mapped[int] = mapped_column(ForeignKey("payments.id"))
    hero: Mapped[Payment] = relationship()
    transfer_id: Mapped[str | None] = mapped_column(String(40))
    """What the bank calls it, once the bank has answered."""

    on_exception = {
        bank.BankUnavailable: Reattempt(wait=timedelta(seconds=0.5), max_wait=timedelta(seconds=4), max_attempts=30)
    }

    @step
    async def order(self) -> Outcome | None:
        transfer = await bank.order(self.hero, idempotency_key=self.idempotency_key)
        self.transfer_id = transfer.id
        if transfer.state == "declined":
            return self.cancel(f"declined: {transfer.explanation}")
        return None

    @step(wait=timedelta(seconds=0.5))
    async def confirm(self) -> Outcome | None:
        assert self.transfer_id
        transfer = await bank.details(self.transfer_id)
        return self.reattempt() if transfer.state == "processing" else None

    # In one commit with the journey's end: there is never a payment that is finished and not booked, or booked twice.
    @step(atomic=True)
    def book(self) -> None:
        self.session.add(Booking(payment=self.hero, cents=self.hero.cents))

    @property
    def bank_may_know(self) -> bool:
        """Whether the bank has been asked, or is being asked now, or may have been asked by a worker that died."""
        return bool(self.steps_entered or self.attempts or self.performed_by)
