"""The shop's own admin: heroes with pages of their own, and the journey with a table of its own."""

from django.contrib import admin

from stepper_motor.django.admin import JourneyAdmin
from tests.shop.models import Customer, Payment, PaymentJourney

admin.site.register([Customer, Payment])
admin.site.register(PaymentJourney, JourneyAdmin)
