"""A site on which a hidden proxy is registered, beside the default one."""

from django.contrib import admin
from django.urls import path

from stepper_motor.django.admin import JourneyAdmin
from tests.shop.journeys import Drip

drips = admin.AdminSite("drips")
drips.register(Drip, JourneyAdmin)

urlpatterns = [path("admin/", admin.site.urls), path("drips/", drips.urls)]
