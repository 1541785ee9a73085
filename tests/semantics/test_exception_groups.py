"""Exception groups are opened: an interruption inside wins, and leaves that agree have their policy. SEMANTICS 4."""

from __future__ import annotations

import asyncio

import pytest

from stepper_motor import Canceled, Paused, Reattempt, Skipped, State, step
from tests.home import Customer, Journey, reload, start
from tests.semantics.seen import last_entry, only_entry, told

pytestmark = pytest.mark.database


class Grouped(Journey[Customer]):
    on_exception = {OSError: "skip", ConnectionError: "skip", ValueError: "cancel", KeyError: Reattempt(wait=0)}

    @step
    async def work(self):
        async with asyncio.TaskGroup() as group:
            for name in self.data["tasks"]:
                group.create_task(getattr(self, name)())

    @step
    def more(self): ...

    async def fails_to_connect(self):
        raise ConnectionError("no route")

    async def finds_no_file(self):
        raise FileNotFoundError("no file")

    async def is_wrong(self):
        raise ValueError("wrong")

    async def is_unknown(self):
        raise ArithmeticError("unknown")

    async def cancels(self):
        self.cancel("one task said so")

    async def pauses(self):
        await self.apause("another said so")

    async def does_well(self): ...

    async def nests(self):
        raise ExceptionGroup("inner", [OSError(), ExceptionGroup("innermost", [OSError()])])


def grouped(customer, *tasks):
    return start(Grouped, customer, data={"tasks": tasks})


def test_an_interruption_inside_wins(customer):
    journey = grouped(customer, "fails_to_connect", "cancels", "is_wrong")
    assert journey.perform_next_step() == Canceled("one task said so")
    assert (journey.state, told(journey)) == (State.CANCELED, [("work", "canceled")])


def test_of_several_interruptions_the_first_wins(customer):
    assert grouped(customer, "pauses", "cancels").perform_next_step() == Paused("another said so")


def test_one_leaf_has_its_policy(customer):
    journey = grouped(customer, "does_well", "is_wrong")
    with pytest.raises(ExceptionGroup):
        journey.perform_next_step()
    assert journey.state == State.CANCELED


def test_leaves_that_lead_to_one_policy_have_it(customer):
    journey = grouped(customer, "fails_to_connect", "finds_no_file", "nests")
    with pytest.raises(ExceptionGroup):
        journey.perform_next_step()
    assert (journey.state, journey.next_step_name) == (State.READY, "more")


@pytest.mark.parametrize("tasks", [("fails_to_connect", "is_wrong"), ("is_wrong", "is_unknown")])
def test_leaves_that_disagree_pause(tasks, customer):
    journey = grouped(customer, *tasks)
    with pytest.raises(ExceptionGroup):
        journey.perform_next_step()
    assert journey.state == State.PAUSED


def test_the_whole_group_is_kept(customer):
    journey = grouped(customer, "fails_to_connect", "nests")
    with pytest.raises(ExceptionGroup):
        journey.perform_next_step()
    entry = last_entry(journey)
    assert entry.error_class == "ExceptionGroup"
    assert "ConnectionError: no route" in entry.traceback
    assert "innermost" in entry.traceback


def test_a_group_of_bare_base_exceptions_is_opened_too(customer):
    class Bare(Journey[Customer]):
        on_exception = {SystemExit: "skip", Exception: "pause"}

        @step
        def work(self):
            raise BaseExceptionGroup("two", [SystemExit(), BaseExceptionGroup("inner", [SystemExit()])])

        @step
        def more(self): ...

    journey = start(Bare, customer)
    with pytest.raises(BaseExceptionGroup):
        journey.perform_next_step()
    assert journey.next_step_name == "more"


def test_a_handler_is_given_the_group(customer):
    class Handled(Journey[Customer]):
        def decide(self, error):
            assert len(error.exceptions) == 2
            self.skip()

        on_exception = decide

        @step
        def work(self):
            raise ExceptionGroup("two", [ValueError(), KeyError()])

        @step
        def more(self): ...

    journey = start(Handled, customer)
    with pytest.raises(ExceptionGroup):
        journey.perform_next_step()
    assert journey.next_step_name == "more"


def test_a_verb_in_a_condition_run_by_a_task_group_wins_too(customer):
    class Conditional(Journey[Customer]):
        async def is_passed_over(self):
            async with asyncio.TaskGroup() as group:
                group.create_task(self.say_so())

        async def say_so(self):
            self.skip()

        @step(skip_if="is_passed_over")
        def work(self): ...

        @step
        def more(self): ...

    assert start(Conditional, customer).perform_next_step() == Skipped()


def nested(error, depth):
    for _ in range(depth):
        error = ExceptionGroup("deeper", [error])
    return error


def test_a_group_of_exceptions_nested_deeper_than_python_calls_is_settled():
    class Deep(Journey[Customer]):
        @step
        def dig(self):
            raise nested(ValueError("at the bottom"), 2000)

    journey = start(Deep)
    with pytest.raises(ExceptionGroup):
        journey.perform_next_step()
    reload(journey)
    assert journey.state == State.PAUSED
    assert only_entry(journey).error_class == "ExceptionGroup"
