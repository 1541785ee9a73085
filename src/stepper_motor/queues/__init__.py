"""Job systems that perform steps: one file for each, imported by who wants it.

    from stepper_motor.queues.celery import CeleryQueue

What a queue has to do is said in `stepper_motor.motor.schedulers.Queue`. The row is the truth, a ticket is a hint.
"""
