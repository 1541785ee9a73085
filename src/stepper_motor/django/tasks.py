"""Found by the autodiscovery of Celery, Dramatiq, Huey and others: declares the task of the chosen queue alone.

(To import the others would do harm: declaring an actor of Dramatiq's, say, makes a broker.)
"""

from __future__ import annotations

from stepper_motor.django.engine import read_scheduler

scheduler = read_scheduler()
