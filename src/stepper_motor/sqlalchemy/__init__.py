"""Journeys in a SQLAlchemy app: mapped classes of its own, its sessions, its transactions.

from stepper_motor.sqlalchemy import JourneyMixin, Motor
"""

from stepper_motor.sqlalchemy.heroes import UnknownHero
from stepper_motor.sqlalchemy.journey import JourneyMixin
from stepper_motor.sqlalchemy.motor import Motor
from stepper_motor.sqlalchemy.tables import HistoryEntry

__all__ = ["HistoryEntry", "JourneyMixin", "Motor", "UnknownHero"]
