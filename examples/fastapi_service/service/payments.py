"""What the service knows of money. A payment has no state of its own: its journey says how far it has come."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.database import Base


class Payment(Base):
    """Money to be moved once. What the bank is asked is written here at the start and never changes."""

    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(40), index=True)
    """Whose money it will be."""
    cents: Mapped[int]


class Booking(Base):
    """A line of our own books: this payment has arrived."""

    __tablename__ = "bookings"

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    payment: Mapped[Payment] = relationship()
    cents: Mapped[int]
