"""`timeout`: an async step is cancelled, a sync one loses its lease. SEMANTICS 4."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from stepper_motor import Canceled, Completed, Reattempt, State, StepTimeout, step
from tests.conditions import wait_until
from tests.home import Customer, Journey, atell, found, start
from tests.semantics.seen import last_entry, recover, row_of, told

pytestmark = pytest.mark.database


def timed(body, **options):
    class Timed(Journey[Customer]):
        lease = 1
        work = step(body, name="work", **{"timeout": 0.05, **options})
        more = step(lambda self: None, name="more")

    return Timed


async def sleeps(self):
    await asyncio.sleep(30)


async def is_quick(self):
    await atell(self, "quick")


def test_an_async_step_in_time_is_left_alone(customer):
    assert start(timed(is_quick, timeout=30), customer).perform_next_step() == Completed()


def test_an_async_step_that_takes_too_long_fails(customer):
    journey = start(timed(sleeps), customer)
    with pytest.raises(StepTimeout, match=r"step work ran longer than its timeout of 0\.05 s"):
        journey.perform_next_step()
    assert (journey.state, journey.failures, journey.steps_entered) == (State.PAUSED, 1, 1)
    assert (last_entry(journey).outcome, last_entry(journey).error_class) == (
        "failed", "stepper_motor.journeys.errors.StepTimeout",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "state", "next_step"),
    [
        ({StepTimeout: "skip"}, State.READY, "more"),
        ({TimeoutError: "cancel", Exception: "skip"}, State.READY, "more"),
        (Reattempt(wait=0), State.READY, "work"),
    ],
)
def test_a_timeout_is_an_exception_under_the_policy(policy, state, next_step, customer):
    journey = start(timed(sleeps, on_exception=policy), customer)
    with pytest.raises(StepTimeout):
        journey.perform_next_step()
    assert (journey.state, journey.next_step_name) == (state, next_step)


def test_a_timeout_error_of_the_bodys_own_stays_what_it_is(customer):
    async def times_out_by_itself(self):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(30)

    journey = start(timed(times_out_by_itself, timeout=30), customer)
    with pytest.raises(TimeoutError) as raised:
        journey.perform_next_step()
    assert not isinstance(raised.value, StepTimeout)


def test_a_body_may_tidy_up_and_use_a_verb_when_it_is_cancelled(customer):
    async def tidies_up(self):
        try:
            await asyncio.sleep(30)
        finally:
            self.cancel("took too long")

    assert start(timed(tidies_up), customer).perform_next_step() == Canceled("took too long")


def test_an_async_around_step_sees_the_timeout(customer):
    class Surrounded(timed(sleeps)):
        heard = []

        async def around_step(self, step):
            try:
                yield
            except BaseException as error:
                self.heard.append(type(error))
                raise

    with pytest.raises(StepTimeout):
        start(Surrounded, customer).perform_next_step()
    assert Surrounded.heard == [asyncio.CancelledError]


@pytest.mark.database(transaction=True)
def test_the_lease_of_a_sync_step_is_not_renewed_after_its_timeout(customer):
    def goes_on(self):
        wait_until(recover, limit=30)  # somebody takes the journey over as soon as the lease is over
        self.data["late"] = True

    journey = start(timed(goes_on), customer)
    assert journey.perform_next_step() is None
    row = row_of(journey)
    assert (row.state, row.next_step_name, row.losses, row.failures) == (State.READY, "work", 1, 0)
    assert (told(journey), found(journey).data) == ([("work", "lost")], {})


@pytest.mark.database(transaction=True)
def test_it_is_never_settled_while_its_thread_runs(customer):
    def goes_on(self):
        held = row_of(self)
        wait_until(lambda: row_of(self).lease_expires_at <= self._store.now(), limit=30)
        assert row_of(self).fence == held.fence
        assert told(self) == []

    journey = start(timed(goes_on), customer)
    journey.perform_next_step()
    assert journey.steps_entered == 1


def test_a_sync_step_in_time_is_left_alone(clock, customer):
    journey = start(timed(lambda self: None, timeout=timedelta(hours=1)), customer)
    assert journey.perform_next_step() == Completed()
