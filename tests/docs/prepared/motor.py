"""What moves the journeys."""

from service.models import Journey

from service.database import async_sessions, sessions
from stepper_motor.sqlalchemy import Motor

motor = Motor(sessions, journeys=Journey)
async_motor = Motor(async_sessions, journeys=Journey)
