"""Heroes of every kind of key, and a journey with a table of its own."""

import uuid

from django.db import models

from stepper_motor import step
from stepper_motor.django import AbstractJourney


class Customer(models.Model):
    name = models.CharField(max_length=100)
    email = models.EmailField(default="")
    deactivated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name


class Account(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=100, default="")


class Country(models.Model):
    code = models.CharField(max_length=2, primary_key=True)


class Profile(models.Model):
    """Its key is a relation."""

    customer = models.OneToOneField(Customer, models.CASCADE, primary_key=True)


class OrderLine(models.Model):
    pk = models.CompositePrimaryKey("order_number", "line")
    order_number = models.IntegerField()
    line = models.CharField(max_length=10)


class VipCustomer(Customer):
    class Meta:
        proxy = True


class Payment(models.Model):
    amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    state = models.CharField(max_length=20, default="new")


class Spy(models.Model):
    """What steps did, told through the database, so that tests see what other processes performed."""

    journey_id = models.CharField(max_length=50)
    word = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)


class PaymentJourney(AbstractJourney[Payment]):
    """A table of its own: a real foreign key, a column of its own, a UUID key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    hero = models.ForeignKey(Payment, models.CASCADE, null=True, related_name="journeys")
    amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    notes = models.JSONField(default=list)

    @step
    def initiate(self):
        self.amount = self.hero.amount
        self.notes.append("initiated")
        self.hero.state = "initiated"
        self.hero.save()

    @step(wait=30)
    def confirm(self):
        self.notes.append("confirmed")
        self.hero.state = "confirmed"
        self.hero.save()
