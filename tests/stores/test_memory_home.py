"""What the memory home offers beside its store: journeys, a motor, and transactions that threads and coroutines share."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from stepper_motor import AlreadyOnJourney, DefinitionError, InvalidState, State, StepperMotorError, now, step
from stepper_motor.journeys.row import Transition
from stepper_motor.motor.clock import SetClock, installing
from stepper_motor.motor.worker import Worker
from stepper_motor.testing import assert_completed, assert_finished, run_due, speedrun
from stepper_motor.testing.memory import Busy, MemoryJourney, MemoryMotor

pytestmark = pytest.mark.pure
LIMIT = 20.0
"""Seconds a test waits for a thread."""


class User:
    """A hero without an id."""


class Signup(MemoryJourney[User]):
    columns = {"letters": 0, "notes": []}

    @step
    def welcome(self):
        self.letters += 1
        self.notes.append("welcomed")
        self.data["welcomed"] = True

    @step(wait=timedelta(days=2))
    async def remind(self):
        await asyncio.sleep(0)
        self.letters += 1

    @step(atomic=True)
    def thank(self):
        Thanks.start(self.hero)


class Thanks(MemoryJourney[User]):
    @step
    def send(self): ...


@pytest.fixture(autouse=True)
def motor():
    return MemoryMotor(Signup, Thanks)


def test_a_journey_walks_to_its_end_in_memory(motor):
    hero = User()
    journey = Signup.start(hero)
    speedrun(journey)
    assert_finished(journey)
    assert_completed(journey, "welcome", "remind", "thank")
    assert (journey.letters, journey.notes, journey.data) == (2, ["welcomed"], {"welcomed": True})
    assert [type(each) for each in motor.journeys()] == [Signup, Thanks]
    assert motor.journeys()[1].hero is hero


def test_a_new_motor_begins_with_an_empty_table(motor):
    Signup.start()
    another = MemoryMotor(Signup)
    assert (len(motor.journeys()), another.journeys()) == (1, [])
    Signup.start()
    assert (len(motor.journeys()), len(another.journeys())) == (1, 1)


def test_a_class_that_no_motor_was_given_can_t_be_started():
    class Lonely(MemoryJourney):
        @step
        def only(self): ...

    class Derived(Signup): ...

    for cls in (Lonely, Derived):
        with pytest.raises(StepperMotorError, match="give the class to a MemoryMotor"):
            cls.start()


def test_a_setting_that_is_unknown_is_an_error():
    with pytest.raises(DefinitionError, match="did you mean 'lease'"):
        MemoryMotor(Signup, leas=3)


@pytest.mark.parametrize("name", ["state", "history", "hero", "save", "data"])
def test_names_that_mean_something_can_t_be_used(name):
    with pytest.raises(DefinitionError, match=name):
        type("Hiding", (MemoryJourney,), {"columns": {name: 1}})
    if name != "data":
        with pytest.raises(DefinitionError, match=name):
            type("Hiding", (MemoryJourney,), {name: lambda self: None})


def test_columns_are_given_at_the_start_and_unknown_ones_refused():
    assert Signup.start(letters=7).letters == 7
    assert Signup.start().notes is not Signup.start().notes
    with pytest.raises(TypeError, match="has no column 'leters'"):
        Signup.start(leters=7)


def test_a_hero_that_is_on_the_journey_already():
    hero = User()
    first = Signup.start(hero)
    with pytest.raises(AlreadyOnJourney, match="Signup already"):
        Signup.start(hero)
    assert Signup.start(hero, on_conflict="existing").id == first.id
    assert Signup.start(hero, on_conflict="ignore") is None
    second = Signup.start(hero, on_conflict="replace")
    first.refresh()
    assert (first.state, first.reason) == (State.CANCELED, "replaced by another journey")
    assert second.id != first.id
    with pytest.raises(ValueError, match="on_conflict must be one of"):
        Signup.start(hero, on_conflict="whatever")


def test_a_replacement_that_is_rolled_back_leaves_the_old_one(motor):
    hero = User()
    first = Signup.start(hero)

    def replace():
        with motor.store.transaction():
            Signup.start(hero, on_conflict="replace")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replace()
    first.refresh()
    assert (first.state, len(motor.journeys())) == (State.READY, 1)


def test_heroes_are_told_apart_by_their_id_by_their_value_or_by_what_they_are():
    class Account:
        def __init__(self, id):
            self.id = id

    for one, same, other in ((Account(1), Account(1), Account(2)), ("ada", "ada", "bob"), (7, 7, 8)):
        Signup.start(one)
        with pytest.raises(AlreadyOnJourney):
            Signup.start(same)
        Signup.start(other)
    Signup.start(User())
    Signup.start(User())


def test_a_hero_that_is_let_go_is_gone(motor):
    journey = Signup.start("ada")
    motor.store.heroes.let_go("ada")
    speedrun(journey)
    assert (journey.state, journey.reason, journey.hero) == (State.CANCELED, "the hero is gone", None)


def test_a_body_saves_on_the_way_as_long_as_it_holds_the_journey(motor):
    class Saving(MemoryJourney):
        @step
        def work(self):
            self.data["saved"] = True
            self.save()
            motor.store.change(self.id, lambda row, at: Transition(row._replace(fence="another")))
            self.data["saved"] = "too late"
            self.save()

    motor.add(Saving)
    journey = Saving.start()
    with pytest.raises(InvalidState, match="does not hold it"):
        journey.perform_next_step()
    journey.refresh()
    assert journey.data == {"saved": True}


def test_a_journey_that_its_step_deletes_is_gone(motor):
    class Deleting(MemoryJourney):
        @step
        def work(self):
            self.delete()

    motor.add(Deleting)
    journey = Deleting.start()
    assert journey.perform_next_step() is None
    assert motor.journeys() == []
    with pytest.raises(InvalidState, match="deleted"):
        journey.cancel()


def test_no_row_is_ready_without_a_due_time_or_held_without_a_lease(motor):
    journey = Signup.start()
    for wrong in ({"next_step_to_be_performed_at": None}, {"performed_by": "somebody"}, {"fence": ""}):
        with pytest.raises(ValueError, match=f"journey {journey.id}"):
            motor.store.change(journey.id, lambda row, at, wrong=wrong: Transition(row._replace(**wrong)))


def test_a_worker_performs_hundreds_each_step_once():
    performed = []

    class Counted(MemoryJourney):
        @step
        def one(self):
            performed.append((self.id, "one"))

        @step
        async def two(self):
            performed.append((self.id, "two"))

    motor = MemoryMotor(Counted, concurrency=4)
    ids = [Counted.start().id for _ in range(300)]
    Worker(motor).run(once=True)
    assert sorted(performed) == sorted((id, name) for id in ids for name in ("one", "two"))
    assert {journey.state for journey in motor.journeys()} == {State.FINISHED}


def test_what_a_rolled_back_transaction_started_is_not_there(motor):
    def start():
        with motor.store.transaction():
            Signup.start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        start()
    assert motor.journeys() == []


def test_two_transactions_that_wait_for_each_other_are_told_apart(motor):
    first, second = Signup.start(), Signup.start()
    both_have_one, errors = threading.Barrier(2), []

    def pause(one, other):
        try:
            with motor.store.transaction():
                one.pause()
                both_have_one.wait(LIMIT)
                other.pause()
        except Busy as error:
            errors.append(error)

    threads = [threading.Thread(target=pause, args=each) for each in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert len(errors) == 1
    assert motor.store.is_transient(errors[0])
    assert [journey.state for journey in motor.journeys()] == [State.PAUSED, State.PAUSED]


def test_coroutines_of_one_thread_have_transactions_of_their_own(motor):
    seen = []

    async def start(name, others_started):
        with motor.store.transaction():
            Thanks.start(name)
            await others_started.wait()
            seen.append([journey.hero for journey in motor.journeys()])

    async def both():
        both_started = asyncio.Event()
        tasks = [asyncio.create_task(start(name, both_started)) for name in ("ada", "bob")]
        await asyncio.sleep(0)
        assert motor.journeys() == []
        both_started.set()
        await asyncio.gather(*tasks)

    asyncio.run(both())
    assert seen == [["ada"], ["ada", "bob"]]  # the first has committed when the second looks


def test_due_journeys_are_performed_in_order(motor):
    with installing(SetClock(now())) as clock:
        late, early = Signup.start(at=clock.now() + timedelta(hours=2)), Signup.start(at=clock.now())
        clock.move(timedelta(hours=2))
        assert [each.journey.id for each in run_due(motor=motor)] == [early.id, late.id]
