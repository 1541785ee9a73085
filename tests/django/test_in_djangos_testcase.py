"""Performing by hand inside Django's own TestCase: nothing is committed, and everything works. SEMANTICS 1."""

from __future__ import annotations

from django.db import transaction
from django.test import TestCase, TransactionTestCase

from stepper_motor import Completed, State, StepperMotorError, step
from stepper_motor.django import Journey
from tests.semantics.seen import entries_of, row_of
from tests.shop.models import Customer, Spy


class Mixed(Journey[Customer]):
    @step
    def sync(self):
        Spy.objects.create(word="sync")

    @step
    async def awaited(self):
        await Spy.objects.acreate(word="awaited")

    @step(atomic=True)
    async def atomic(self):
        await Spy.objects.acreate(word="atomic")


class Performing:
    def test_it_is_performed_to_its_end(self):
        journey = Mixed.start(Customer.objects.create(name="Ada"))
        outcomes = [journey.perform_next_step() for _ in range(3)]
        assert outcomes == [Completed()] * 3
        assert row_of(journey).state == State.FINISHED
        assert [spy.word for spy in Spy.objects.order_by("id")] == ["sync", "awaited", "atomic"]

    async def test_from_an_async_test_too(self):
        journey = await Mixed.astart(await Customer.objects.acreate(name="Ada"))
        outcomes = [await journey.aperform_next_step() for _ in range(3)]
        assert outcomes == [Completed()] * 3
        assert await Spy.objects.acount() == 3

    def test_inside_atomic_it_is_an_error_all_the_same(self):
        journey = Mixed.start(Customer.objects.create(name="Ada"))
        with transaction.atomic(), self.assertRaisesMessage(StepperMotorError, "outside of a transaction"):
            journey.perform_next_step()
        assert entries_of(journey) == []


class InATestCase(Performing, TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.journey = Mixed.start(Customer.objects.create(name="Grace"))

    def test_a_journey_of_the_whole_class_begins_anew_in_each_test(self):
        assert self.journey.perform_next_step() == Completed()
        assert Spy.objects.count() == 1

    def test_whichever_comes_first(self):
        assert self.journey.perform_next_step() == Completed()
        assert Spy.objects.count() == 1


class InATransactionTestCase(Performing, TransactionTestCase):
    pass
