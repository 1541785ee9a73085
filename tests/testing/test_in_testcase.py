"""Django's own test cases: nothing is committed, and Django's way of running what comes after a commit serves."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.test import TestCase, TransactionTestCase

from stepper_motor import Reattempt, State, now, step
from stepper_motor.django import Journey
from stepper_motor.motor import clock as library
from stepper_motor.testing import (
    aassert_finished,
    aperform_next_step,
    arun_due,
    aspeedrun,
    assert_completed,
    assert_due,
    assert_finished,
    assert_paused,
    perform_next_step,
    run_due,
    speedrun,
    travel,
)
from tests.shop.models import Customer
from tests.testing.conftest import NEW_YEAR

DAY = timedelta(days=1)


class Newsletter(Journey[Customer]):
    """Tells in the hero's name what happened."""

    on_exception = {IntegrityError: Reattempt(wait=60, jitter=0, max_attempts=2, then="pause")}

    def tell(self, word):
        self.hero.name += f", {word}"
        self.hero.save()

    def after_cancel(self):
        self.tell("canceled")

    def after_finish(self):
        self.tell("finished")

    @step(atomic=True)
    def first(self):
        self.tell("first")

    @step(wait=90 * DAY)
    async def second(self):
        await Customer.objects.filter(pk=self.hero.pk).aupdate(name=self.hero.name + ", second")

    @step(wait=90 * DAY)
    def third(self):
        self.tell("third")


class InATestCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.customer = Customer.objects.create(name="Ada")
        cls.journey = Newsletter.start(cls.customer)

    def name(self):
        return Customer.objects.get(pk=self.customer.pk).name

    def test_six_months_with_async_and_atomic_steps_and_a_hook(self):
        speedrun(self.journey)
        assert_finished(self.journey)
        assert_completed(self.journey, "first", "second", "third")
        assert self.name() == "Ada, first, second, third, finished"

    def test_and_all_of_it_is_rolled_back_after_the_test(self):
        assert self.name() == "Ada"
        assert Newsletter.objects.get().state == State.READY

    def test_time_stays_travelled_until_the_end_of_the_test(self):
        self.enterContext(travel(NEW_YEAR))
        journey = Newsletter.start(self.customer, key="another")
        run_due()
        assert_due(journey, 90 * DAY)
        travel(90 * DAY)
        assert [each.step for each in run_due()] == ["second", "second"]

    def test_the_hook_of_a_verb_runs_where_django_runs_what_comes_after_a_commit(self):
        with self.captureOnCommitCallbacks(execute=True):
            self.journey.cancel()
        assert self.name() == "Ada, canceled"

    def test_what_a_step_starts_is_there_and_can_be_performed(self):
        class SendsAnother(Journey[Customer]):
            @step
            def send(self):
                Newsletter.start(self.hero, key="sent")

        perform_next_step(SendsAnother.start(self.customer))
        speedrun(Newsletter.objects.get(key="sent"))
        assert self.name() == "Ada, first, second, third, finished"

    def test_an_error_of_the_database_is_settled_and_the_tests_transaction_stays_usable(self):
        class InsertsTheSame(Newsletter):
            steps_of_ours = [step(lambda journey: Customer.objects.create(pk=journey.hero.pk), name="insert")]

        journey = InsertsTheSame.start(self.customer)
        journey.jump_to("insert")
        assert [each.outcome.name for each in speedrun(journey, reraise=False)] == ["failed", "failed"]
        assert_paused(journey, reason="IntegrityError")

    def test_one_that_is_raised_leaves_it_usable_as_well(self):
        class InsertsAgain(Journey[Customer]):
            @step
            def insert(self):
                Customer.objects.create(pk=self.hero.pk)

        with pytest.raises(IntegrityError):
            perform_next_step(InsertsAgain.start(self.customer))
        assert Customer.objects.count() == 1

    async def test_an_async_test_awaits_the_twins(self):
        await aspeedrun(self.journey)
        await aassert_finished(self.journey)

    async def test_step_by_step_too(self):
        await aperform_next_step(self.journey)
        with travel(91 * DAY):
            (performed,) = await arun_due()
        assert performed.step == "second"

    async def test_an_error_passes_through_a_twin_and_the_clock_is_put_back(self):
        class FailsInATwin(Journey[Customer]):
            @step
            async def fail(self):
                raise RuntimeError("boom")

        journey = await FailsInATwin.astart(self.customer)
        before = library.installed()
        with pytest.raises(RuntimeError, match="boom"):
            await aspeedrun(journey)
        assert library.installed() is before


class InATransactionTestCase(TransactionTestCase):
    def test_it_commits_and_hooks_run_by_themselves(self):
        customer = Customer.objects.create(name="Ada")
        before = now()
        speedrun(Newsletter.start(customer))
        Newsletter.start(Customer.objects.get()).cancel()
        customer.refresh_from_db()
        assert customer.name == "Ada, first, second, third, finished, canceled"
        assert now() - before < DAY

    async def test_an_async_test_awaits_the_twins(self):
        journey = await Newsletter.astart(await Customer.objects.acreate(name="Ada"))
        await aspeedrun(journey)
        await aassert_finished(journey)
