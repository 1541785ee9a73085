import django.db.models.deletion
from django.db import migrations, models

import stepper_motor.django.constraints
import stepper_motor.django.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Journey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("next_step_to_be_performed_at", models.DateTimeField(editable=False, null=True, verbose_name="due")),
                ("arrived_at", models.DateTimeField(editable=False, verbose_name="at this step since")),
                ("created_at", models.DateTimeField(editable=False, verbose_name="created")),
                ("updated_at", models.DateTimeField(editable=False, verbose_name="updated")),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True, verbose_name="lease expires")),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="ended")),
                ("attempts", models.IntegerField(default=0, editable=False, verbose_name="attempts")),
                ("failures", models.IntegerField(default=0, editable=False, verbose_name="failures")),
                ("losses", models.IntegerField(default=0, editable=False, verbose_name="losses")),
                ("round", models.IntegerField(default=0, editable=False, verbose_name="round")),
                ("steps_entered", models.IntegerField(default=0, editable=False, verbose_name="steps entered")),
                ("steps_completed", models.IntegerField(default=0, editable=False, verbose_name="steps completed")),
                ("allow_multiple", models.BooleanField(default=False, verbose_name="allow multiple")),
                (
                    "state",
                    stepper_motor.django.fields.StateField(
                        choices=[
                            ("ready", "ready"),
                            ("performing", "performing"),
                            ("paused", "paused"),
                            ("canceled", "canceled"),
                            ("finished", "finished"),
                        ],
                        default="ready",
                        editable=False,
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("fence", stepper_motor.django.fields.NameField(editable=False, max_length=32, verbose_name="fence")),
                ("type", stepper_motor.django.fields.NameField(editable=False, max_length=100, verbose_name="type")),
                (
                    "hero_type",
                    stepper_motor.django.fields.NameField(
                        blank=True, max_length=100, null=True, verbose_name="hero type"
                    ),
                ),
                (
                    "hero_id",
                    stepper_motor.django.fields.NameField(blank=True, max_length=200, null=True, verbose_name="hero"),
                ),
                (
                    "key",
                    stepper_motor.django.fields.NameField(blank=True, default="", max_length=100, verbose_name="key"),
                ),
                (
                    "next_step_name",
                    stepper_motor.django.fields.NameField(
                        editable=False, max_length=200, null=True, verbose_name="next step"
                    ),
                ),
                (
                    "previous_step_name",
                    stepper_motor.django.fields.NameField(
                        editable=False, max_length=200, null=True, verbose_name="previous step"
                    ),
                ),
                (
                    "performed_by",
                    models.CharField(editable=False, max_length=100, null=True, verbose_name="performed by"),
                ),
                ("reason", models.TextField(editable=False, null=True, verbose_name="reason")),
                ("data", models.JSONField(blank=True, default=dict, verbose_name="data")),
            ],
            options={
                "verbose_name": "journey",
                "verbose_name_plural": "journeys",
                "db_table": "stepper_motor_journeys",
                "permissions": [("operate_journey", "Can pause, resume, cancel, skip and perform journeys")],
                "indexes": [
                    stepper_motor.django.constraints.PartialIndex(
                        elsewhere=["state", "next_step_to_be_performed_at", "id"],
                        fields=["next_step_to_be_performed_at", "id"],
                        name="stepper_motor_due",
                        where=models.Q(("state", "ready")),
                    ),
                    stepper_motor.django.constraints.PartialIndex(
                        elsewhere=["performed_by"],
                        fields=["id"],
                        name="stepper_motor_held",
                        where=models.Q(("performed_by__isnull", False)),
                    ),
                    stepper_motor.django.constraints.PartialIndex(
                        elsewhere=["ended_at"],
                        fields=["ended_at"],
                        name="stepper_motor_ended",
                        where=models.Q(("state__in", ["canceled", "finished"])),
                    ),
                ],
                "constraints": [
                    stepper_motor.django.constraints.OnePerHero(
                        hero=("hero_type", "hero_id"), name="stepper_motor_one_per_hero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ready"), _negated=True),
                            ("next_step_to_be_performed_at__isnull", False),
                            _connector="OR",
                        ),
                        name="stepper_motor_ready_is_due",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lease_expires_at__isnull", True), ("performed_by__isnull", True)),
                            models.Q(("lease_expires_at__isnull", False), ("performed_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="stepper_motor_held_has_lease",
                    ),
                ],
            },
            bases=(models.Model,),
        ),
        migrations.CreateModel(
            name="JourneyHistory",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("step_name", stepper_motor.django.fields.NameField(max_length=200, null=True, verbose_name="step")),
                ("attempt", models.PositiveIntegerField(null=True, verbose_name="attempt")),
                ("outcome", models.CharField(max_length=20, verbose_name="outcome")),
                (
                    "state",
                    stepper_motor.django.fields.StateField(
                        choices=[
                            ("ready", "ready"),
                            ("performing", "performing"),
                            ("paused", "paused"),
                            ("canceled", "canceled"),
                            ("finished", "finished"),
                        ],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.TextField(null=True, verbose_name="reason")),
                ("error_class", models.CharField(max_length=200, null=True, verbose_name="error")),
                ("message", models.TextField(null=True, verbose_name="message")),
                ("traceback", models.TextField(null=True, verbose_name="traceback")),
                ("performed_by", models.CharField(max_length=200, null=True, verbose_name="by")),
                ("started_at", models.DateTimeField(null=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(verbose_name="finished")),
                (
                    "journey",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="history",
                        to="stepper_motor.journey",
                        verbose_name="journey",
                    ),
                ),
            ],
            options={
                "verbose_name": "history entry",
                "verbose_name_plural": "history",
                "db_table": "stepper_motor_history",
                "ordering": ["id"],
                "indexes": [models.Index(fields=["journey", "id"], name="stepper_motor_by_journey")],
            },
        ),
    ]
