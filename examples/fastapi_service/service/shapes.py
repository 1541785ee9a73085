"""What goes in and out of the service as JSON."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from stepper_motor import State


class Order(BaseModel):
    account: str = Field(max_length=40)
    cents: int = Field(gt=0)
    at: AwareDatetime | None = None
    """When the bank is to be asked; at once by default."""


class Standing(BaseModel):
    id: int
    state: State


class Entry(BaseModel):
    """One attempt at a step, or one intervention from outside."""

    model_config = ConfigDict(from_attributes=True)

    step_name: str | None
    attempt: int | None
    outcome: str
    reason: str | None
    error_class: str | None
    message: str | None
    by: str | None
    finished_at: datetime


class Timeline(Standing):
    explanation: str
    """Where the payment is, why it is not moving, and what comes next and when."""
    booked: list[int]
    """Cents, once for each time the payment was booked."""
    history: list[Entry]
