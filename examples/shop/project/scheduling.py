"""What hands the journeys' tickets to a job queue: `STEPPER_MOTOR["SCHEDULER"]` names one of these, or none."""

from django.conf import settings

from stepper_motor import ForwardScheduler


def through_celery() -> ForwardScheduler:
    from project.celery import app
    from stepper_motor.queues.celery import CeleryQueue

    return ForwardScheduler(CeleryQueue(app, **settings.QUEUE_OPTIONS))


def through_django_tasks() -> ForwardScheduler:
    from stepper_motor.queues.django_tasks import DjangoTasksQueue

    return ForwardScheduler(DjangoTasksQueue(**settings.QUEUE_OPTIONS))
