"""What moves the journeys: `stepper-motor --app service.motor:motor worker`."""

from service.database import sessions
from service.journeys import PaymentJourney
from service.settings import LEASE
from stepper_motor.sqlalchemy import Motor

motor = Motor(sessions, journeys=PaymentJourney, lease=LEASE)
