from contextlib import suppress

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from stepper_motor.journeys.errors import DefinitionError


class StepperMotorConfig(AppConfig):
    name = "stepper_motor.django"
    label = "stepper_motor"
    verbose_name = _("Journeys")
    # Pinned: without it, a project's DEFAULT_AUTO_FIELD would make `makemigrations` see drift in our tables.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from stepper_motor.django import checks, engine, tuning

        checks.register()
        with suppress(DefinitionError):  # the checks say what is wrong with it
            engine.install_clock()
        post_migrate.connect(tuning.tune_tables, sender=self)
        autodiscover_modules("journeys")
