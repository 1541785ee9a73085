"""Journeys in Django's admin: where they stand, how they got there, and what may be done about it.

`Journey` is registered on the default site. A journey with a table of its own is registered by its app:
`admin.site.register(PaymentJourney, JourneyAdmin)`. To leave journeys out, `admin.site.unregister(Journey)`.
"""

from django.contrib import admin

from stepper_motor.django.admin.journey_admin import JourneyAdmin
from stepper_motor.django.models import Journey

__all__ = ["JourneyAdmin"]

admin.site.register(Journey, JourneyAdmin)
