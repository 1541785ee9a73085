"""Atomic steps: the body, its settlement and its history share one commit. SEMANTICS 10."""

from __future__ import annotations

import asyncio

import pytest

from stepper_motor import Canceled, Completed, Finished, Reattempt, Skipped, State, step
from tests.home import (
    Customer,
    Journey,
    Spy,
    acount,
    atell,
    block,
    count,
    found,
    in_a_transaction,
    run_anew,
    save,
    start,
    tell,
    vendor,
    words,
)
from tests.semantics.elsewhere import elsewhere
from tests.semantics.seen import last_entry, row_of, told

pytestmark = pytest.mark.database(transaction=True)


def atomic(body, **options):
    class Atomic(Journey[Customer]):
        tries = 0
        work = step(body, name="work", atomic=True, **options)
        more = step(lambda self: None, name="more")

    return Atomic


def test_body_settlement_and_history_are_committed_together(customer):
    def body(self):
        tell(self, "charged")
        assert in_a_transaction(self)
        assert elsewhere(lambda: (count(Spy), row_of(self).state)) == (0, State.PERFORMING)

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() == Completed()
    assert elsewhere(lambda: (words(), row_of(journey).next_step_name, told(journey))) == (
        ["charged"], "more", [("work", "completed")],
    )  # fmt: skip


POLICIES = ["pause", "skip", "cancel", Reattempt(wait=0), lambda journey, error: journey.finish()]


@pytest.mark.parametrize("policy", POLICIES)
def test_if_it_raises_its_writes_are_rolled_back_and_the_failure_is_settled(policy, customer):
    def body(self):
        tell(self, "charged")
        self.data["charged"] = True
        raise OSError("no network")

    journey = start(atomic(body, on_exception=policy), customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert words() == []
    assert journey.data == {}
    assert (journey.steps_entered, journey.performed_by) == (1, None)
    assert told(journey) == [("work", "failed")]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (lambda self: self.cancel("no"), Canceled("no")),
        (lambda self: self.skip(), Skipped()),
        (lambda self: Finished(), Finished()),
    ],
)
def test_an_outcome_commits_what_was_written_before_it(body, outcome, customer):
    journey = start(atomic(lambda self: tell(self, "written") or body(self)), customer)
    assert journey.perform_next_step() == outcome
    assert words() == ["written"]


@pytest.mark.allow_rolled_back_blocks
def test_a_verb_inside_a_block_of_its_own_rolls_that_block_back_and_says_so(customer):
    def body(self):
        tell(self, "before")
        with block(self):
            tell(self, "inside")
            self.skip()

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() == Skipped()
    assert words() == ["before"]
    assert "rolled it back" in last_entry(journey).reason


def test_a_journey_saved_in_its_own_atomic_step(customer):
    def body(self):
        self.data["so far"] = 1
        save(self)
        raise OSError

    journey = start(atomic(body), customer)
    with pytest.raises(OSError, match=r"^$"):
        journey.perform_next_step()
    assert journey.data == {}


def test_without_atomic_each_write_stands_by_itself(customer):
    def body(self):
        tell(self, "charged")
        assert not in_a_transaction(self)
        raise OSError("no network")

    class Plain(Journey[Customer]):
        work = step(body, name="work")

    journey = start(Plain, customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert words() == ["charged"]


def test_conditions_are_looked_at_before_the_transaction_begins(customer):
    journey = start(atomic(lambda self: None, skip_if=in_a_transaction), customer)
    assert journey.perform_next_step() == Completed()


def test_hooks_are_inside_the_transaction(customer):
    class Hooked(Journey[Customer]):
        def before_step_starts(self, step):
            tell(self, f"before {step}")

        def after_step_ends(self, step, outcome):
            tell(self, f"after {step}")
            raise OSError("too late")

        work = step(lambda self: tell(self, "body"), name="work", atomic=True)

    journey = start(Hooked, customer)
    with pytest.raises(OSError, match="too late"):
        journey.perform_next_step()
    assert words() == []


@pytest.mark.only_in("django", "sqlalchemy-async")
def test_an_async_atomic_step_is_one_transaction(customer):
    async def body(self):
        await atell(self, "one")
        self.data["seen"] = await acount(Spy, inside=self)
        await self.asave()
        await atell(self, "two")
        if self.data["seen"] == 1 and not self.attempts:
            raise OSError("no network")

    journey = start(atomic(body, on_exception=Reattempt(wait=0)), customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert (words(), journey.data) == ([], {})
    assert journey.perform_next_step() == Completed()
    assert (words(), journey.data) == (["one", "two"], {"seen": 1})


@pytest.mark.only_in("django", "sqlalchemy-async")
def test_no_two_async_performances_ever_share_a_transaction(customer):
    async def body(self):
        await atell(self, self.key)
        await asyncio.sleep(0.05)
        if self.key == "b":
            raise OSError("rolled back")

    async def perform():
        results = await asyncio.gather(*(each.aperform_next_step() for each in journeys), return_exceptions=True)
        return [type(result) for result in results]

    Atomic = atomic(body)
    journeys = [start(Atomic, customer, key=key) for key in "abc"]
    assert run_anew(perform()) == [Completed, OSError, Completed]
    assert sorted(words()) == ["a", "c"]


def test_a_cancel_while_its_body_runs_keeps_what_the_body_wrote(customer):
    def body(self):
        tell(self, "charged")
        if vendor() != "sqlite":  # which has one writer: there the cancel would wait for the body
            elsewhere(lambda: found(self).cancel("changed her mind"))

    journey = start(atomic(body), customer)
    assert journey.perform_next_step() == Completed()
    assert words() == ["charged"]
    assert journey.state == (State.READY if vendor() == "sqlite" else State.CANCELED)
    assert (journey.steps_entered, journey.steps_completed) == (1, 1)
