"""Conditions when a step is performed: skip_if, only_if, cancel_if, and control flow in them. SEMANTICS 1 and 4."""

from __future__ import annotations

import pytest

from stepper_motor import (
    Canceled,
    Completed,
    Finished,
    Jumped,
    Paused,
    Reattempted,
    Skipped,
    State,
    any_of,
    cancel_if,
    not_,
    step,
)
from tests.home import LONG_AGO, Customer, Journey, Spy, acount, create, execute, in_a_transaction, put, put_all, start
from tests.semantics.seen import last_entry, row_of, told

pytestmark = pytest.mark.database


def conditional(**options):
    class Conditional(Journey[Customer]):
        @property
        def is_vip(self):
            return self.hero.name == "Ada"

        async def _has_spied(self):
            return await acount(Spy, inside=self)

        def verb(self):
            return getattr(self, self.data["verb"])(*self.data.get("arguments", []))

        work = step(lambda self: None, name="work", **options)
        more = step(lambda self: None, name="more")

    return Conditional


@pytest.mark.parametrize(
    "holds",
    [
        True, "is_vip", lambda self: self.is_vip, [True, "is_vip"], (), any_of(False, "is_vip"), not_("_has_spied"),
        lambda self: "a text is true",
    ],
)  # fmt: skip
def test_what_holds_skips(holds, customer):
    assert start(conditional(skip_if=holds), customer).perform_next_step() == Skipped()
    assert start(conditional(only_if=holds), customer, key="too").perform_next_step() == Completed()


@pytest.mark.parametrize(
    "holds", [False, None, "_has_spied", lambda self: 0, ["is_vip", False], not_("is_vip"), any_of()]
)
def test_what_does_not_hold_performs(holds, customer):
    assert start(conditional(skip_if=holds), customer).perform_next_step() == Completed()
    assert start(conditional(only_if=holds), customer, key="too").perform_next_step() == Skipped()


def test_an_async_condition_is_awaited_and_may_ask_the_database(customer):
    create(Spy, word="was here")
    assert start(conditional(skip_if="_has_spied"), customer).perform_next_step() == Skipped()
    assert start(conditional(only_if=not_("_has_spied")), None).perform_next_step() == Skipped()


def test_an_async_cancel_if_is_awaited(customer):
    class Guarded(Journey[Customer]):
        @cancel_if
        async def was_spied_upon(self):
            return await acount(Spy, inside=self)

        @step
        def one(self): ...

        @step
        def two(self): ...

    journey = start(Guarded, customer)
    assert journey.perform_next_step() == Completed()
    create(Spy, word="was here")
    assert journey.perform_next_step() == Canceled("cancel_if was_spied_upon")
    assert journey.reason == last_entry(journey).reason == "cancel_if was_spied_upon"


def test_any_of_several_cancel_ifs_cancels_and_the_rest_are_not_asked(customer):
    class Guarded(Journey[Customer]):
        asked = []
        never = cancel_if(False)
        always = cancel_if(lambda self: True)

        @cancel_if
        def not_asked(self):
            self.asked.append(self)

        @step
        def one(self): ...

    assert start(Guarded, customer).perform_next_step().name == "canceled"
    assert Guarded.asked == []


def test_a_cancel_if_is_asked_before_each_step(customer):
    class Guarded(Journey[Customer]):
        @cancel_if
        def left(self):
            return self.hero.deactivated

        @step
        def one(self):
            put_all(Customer, deactivated=True, inside=self)

        @step
        def two(self): ...

    journey = start(Guarded, customer)
    assert journey.perform_next_step() == Completed()
    assert journey.perform_next_step() == Canceled("cancel_if left")
    assert told(journey) == [("one", "completed"), ("two", "canceled")]


VERBS = [
    ("cancel", ["no"], Canceled("no"), State.CANCELED, "work"),
    ("pause", ["no"], Paused("no"), State.PAUSED, "work"),
    ("skip", [], Skipped(), State.READY, "more"),
    ("reattempt", [60], Reattempted(60), State.READY, "work"),
    ("jump_to", ["more"], Jumped("more"), State.READY, "more"),
    ("finish", [], Finished(), State.FINISHED, None),
]


@pytest.mark.parametrize(("verb", "arguments", "outcome", "state", "next_step"), VERBS)
@pytest.mark.parametrize("option", ["skip_if", "only_if"])
def test_a_verb_in_a_condition_works_as_in_the_body(option, verb, arguments, outcome, state, next_step, customer):
    journey = start(conditional(**{option: "verb"}), customer, data={"verb": verb, "arguments": arguments})
    assert journey.perform_next_step() == outcome
    row = row_of(journey)
    assert (row.state, row.next_step_name) == (state, next_step)
    assert (row.steps_entered, row.steps_completed) == (0, 0)
    assert told(journey) == [("work", outcome.name)]


def test_a_verb_in_cancel_if_decides_before_the_step_is_even_known(customer):
    class Guarded(Journey[Customer]):
        @cancel_if
        def paused_for_everybody(self):
            self.pause("maintenance")

        @step
        def one(self): ...

    journey = put(start(Guarded, customer), next_step_name="removed", next_step_to_be_performed_at=LONG_AGO)
    assert journey.perform_next_step() == Paused("maintenance")
    assert told(journey) == [("removed", "paused")]


@pytest.mark.parametrize(
    ("answer", "state"), [("reattempt", State.PAUSED), ("skip", State.PAUSED), ("finish", State.FINISHED)]
)
def test_a_verb_of_cancel_if_at_a_step_nobody_knows_never_breaks(answer, state, customer):
    class Guarded(Journey[Customer]):
        @cancel_if
        def decide(self):
            getattr(self, answer)()

        @step
        def one(self): ...

    journey = put(start(Guarded, customer), next_step_name="removed", next_step_to_be_performed_at=LONG_AGO)
    before = row_of(journey)
    journey.perform_next_step()
    row = row_of(journey)
    assert (row.state, row.performed_by, len(told(journey))) == (state, None, 1)
    if state == State.PAUSED:
        assert (row.previous_step_name, row.next_step_name, row.fence) == ("removed", "removed", before.fence)
        assert row.next_step_to_be_performed_at == before.next_step_to_be_performed_at
        assert "removed while it ran" in row.reason


def test_a_cancel_if_that_raises_at_a_step_nobody_knows_pauses_whatever_the_policy(customer):
    class Guarded(Journey[Customer]):
        on_exception = "reattempt"
        broken = cancel_if(lambda self: 1 / 0)

        @step
        def one(self): ...

    journey = put(start(Guarded, customer), next_step_name="removed", next_step_to_be_performed_at=LONG_AGO)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert (journey.state, journey.performed_by, journey.next_step_name) == (State.PAUSED, None, "removed")
    assert last_entry(journey).error_class == "ZeroDivisionError"


def test_a_condition_may_read_what_earlier_steps_left(customer):
    class Remembering(Journey[Customer]):
        @step
        def ask(self):
            self.data["answer"] = "no"

        @step(skip_if=lambda self: self.data["answer"] == "no")
        def act(self): ...

    journey = start(Remembering, customer)
    journey.perform_next_step()
    assert journey.perform_next_step() == Skipped()


def test_what_a_condition_sets_is_saved_with_the_verb_or_the_skip(customer):
    journey = start(conditional(skip_if=lambda self: self.data.update(asked=True) or True), customer)
    journey.perform_next_step()
    assert journey.data == {"asked": True}


def test_a_condition_overridden_in_a_subclass_is_the_one_that_is_asked(customer):
    class Base(Journey[Customer]):
        @cancel_if
        def is_over(self):
            return True

        @step
        def one(self): ...

    class Relaxed(Base):
        def is_over(self):
            return False

    assert start(Base, customer).perform_next_step().name == "canceled"
    assert start(Relaxed, customer).perform_next_step() == Completed()


def ruin_the_connection(self):
    execute("SELECT nonsense FROM nowhere", inside=self)


def test_a_condition_with_invalid_sql_is_an_exception_of_the_step(customer):
    journey = start(conditional(skip_if=ruin_the_connection), customer)
    with pytest.raises(Exception, match=r"nonsense|nowhere"):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])
    assert row_of(journey).steps_entered == 0


@pytest.mark.database(transaction=True)
@pytest.mark.parametrize("atomic", [False, True])
def test_so_it_is_outside_of_a_test_and_the_connection_stays_good(atomic, customer):
    journey = start(conditional(skip_if=ruin_the_connection, atomic=atomic, on_exception="skip"), customer)
    with pytest.raises(Exception, match=r"nonsense|nowhere"):
        journey.perform_next_step()
    assert (journey.state, journey.next_step_name) == (State.READY, "more")
    assert journey.perform_next_step() == Completed()
    assert not in_a_transaction()
