"""before_step_starts, around_step, after_step_ends; after_finish, after_cancel, after_pause. SEMANTICS 1."""

from __future__ import annotations

import contextlib

import pytest
from django.db import connection, transaction

from stepper_motor import Canceled, Completed, Failed, Finished, Paused, Reattempt, Reattempted, Skipped, State, step
from stepper_motor.django import Journey
from tests.django.seen import entries_of, found, last_entry, row_of, told
from tests.shop.models import Customer, Spy

pytestmark = pytest.mark.django_db


class Hooked(Journey[Customer]):
    heard = []
    body = staticmethod(lambda self: None)

    def before_step_starts(self, step):
        self.heard.append(("before", step.name))

    def after_step_ends(self, step, outcome):
        self.heard.append(("after", outcome))

    @step
    def work(self):
        return self.body(self)

    @step
    def more(self): ...


@pytest.fixture(autouse=True)
def _nothing_heard():
    Hooked.heard.clear()


def hooked(body, **members):
    return type("HookedToo", (Hooked,), {"body": staticmethod(body), "__module__": __name__, **members})


def error():
    raise OSError("no network")


def test_before_and_after_each_body(customer):
    journey = Hooked.start(customer)
    journey.perform_next_step()
    journey.perform_next_step()
    assert Hooked.heard == [("before", "work"), ("after", Completed()), ("before", "more"), ("after", Completed())]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (lambda self: self.cancel("no"), Canceled("no")),
        (lambda self: self.reattempt(5), Reattempted(5)),
        (lambda self: Paused("wait"), Paused("wait")),
        (lambda self: self.finish(), Finished()),
    ],
)
def test_after_step_ends_is_told_what_came_of_it(body, outcome, customer):
    assert hooked(body).start(customer).perform_next_step() == outcome
    assert Hooked.heard[-1] == ("after", outcome)


@pytest.mark.parametrize(
    ("policy", "then"),
    [("pause", Paused()), ("skip", Skipped()), (Reattempt(jitter=0), Reattempted(Reattempt(jitter=0).delay(1)))],
)
def test_after_step_ends_is_told_of_an_exception_and_what_becomes_of_it(policy, then, customer):
    journey = hooked(lambda self: error(), on_exception=policy).start(customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    _, outcome = Hooked.heard[-1]
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, OSError)
    assert outcome.then == then


def test_no_hook_is_called_for_a_step_that_is_passed_over(customer):
    class Passing(Hooked):
        work = step(lambda self: None, name="work", skip_if=True)

    Passing.start(customer).perform_next_step()
    assert Hooked.heard == []


@pytest.mark.parametrize("hook", ["before_step_starts", "after_step_ends", "around_step"])
def test_a_hook_that_raises_is_treated_as_the_step_raising(hook, customer):
    journey = hooked(lambda self: None, **{hook: lambda self, *told: error()}).start(customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    row = row_of(journey)
    assert (row.state, row.failures, row.steps_completed) == (State.PAUSED, 1, 0)
    assert row.steps_entered == (1 if hook == "after_step_ends" else 0)
    assert told(journey) == [("work", "failed")]


def test_a_hook_that_raises_after_the_body_did_keeps_both_errors(customer):
    journey = hooked(lambda self: 1 / 0, after_step_ends=lambda self, step, outcome: error()).start(customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert last_entry(journey).error_class == "OSError"
    assert "ZeroDivisionError" in last_entry(journey).traceback
    assert row_of(journey).failures == 1


def test_before_step_starts_may_use_a_verb_and_no_body_is_entered(customer):
    journey = hooked(lambda self: error(), before_step_starts=lambda self, step: self.skip()).start(customer)
    assert journey.perform_next_step() == Skipped()
    assert (row_of(journey).steps_entered, row_of(journey).next_step_name) == (0, "more")
    assert Hooked.heard == []


def test_after_step_ends_may_use_a_verb(customer):
    journey = hooked(lambda self: None, after_step_ends=lambda self, step, outcome: self.pause("look")).start(customer)
    assert journey.perform_next_step() == Paused("look")
    assert (row_of(journey).steps_entered, row_of(journey).steps_completed) == (1, 0)


def test_after_a_failure_a_verb_of_after_step_ends_decides_what_becomes_of_it(customer):
    def decide(self, step, outcome):
        if isinstance(outcome, Failed):
            self.cancel("given up")

    journey = hooked(lambda self: self.data.update(x=1) or error(), after_step_ends=decide).start(customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert (journey.state, journey.reason, journey.data) == (State.CANCELED, "given up", {})
    assert last_entry(journey).error_class == "OSError"


def test_async_hooks_are_awaited(customer):
    class Awaited(Hooked):
        async def before_step_starts(self, step):
            await Spy.objects.acreate(word="before")

        async def after_step_ends(self, step, outcome):
            await Spy.objects.acreate(word=f"after {outcome.name}")

    Awaited.start(customer).perform_next_step()
    assert [spy.word for spy in Spy.objects.order_by("id")] == ["before", "after completed"]


# --------------------------------------------------------------------------------------------- around_step


class Manager:
    def __init__(self, swallows):
        self.swallows, self.heard = swallows, []

    def __enter__(self):
        self.heard.append("in")

    def __exit__(self, kind, error, trace):
        self.heard.append(kind.__name__ if kind else "out")
        return self.swallows

    async def __aenter__(self):
        self.__enter__()

    async def __aexit__(self, *error):
        return self.__exit__(*error)


class AsyncManager:
    def __init__(self, inner):
        self.inner = inner

    async def __aenter__(self):
        self.inner.__enter__()

    async def __aexit__(self, *error):
        return self.inner.__exit__(*error)


def surrounded(body, around, **options):
    class Surrounded(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

        def around_step(self, step):
            return around(self)

    return Surrounded


def told_by_generator(heard):
    def around(self):
        heard.append("in")
        yield
        heard.append("out")

    return around


def told_by_async_generator(heard):
    async def around(self):
        heard.append("in")
        yield
        await Spy.objects.acreate(word="out")
        heard.append("out")

    return around


def told_by_decorated_function(heard):
    return contextlib.contextmanager(told_by_generator(heard))


def told_by_coroutine(heard):
    async def around(self):
        return told_by_decorated_function(heard)(self)

    return around


async def async_body(self):
    await Spy.objects.acreate(word="body")
    self.data["by"] = "async"


def sync_body(self):
    Spy.objects.create(word="body")
    self.data["by"] = "sync"


FORMS = [told_by_generator, told_by_async_generator, told_by_decorated_function, told_by_coroutine]


@pytest.mark.parametrize("body", [sync_body, async_body])
@pytest.mark.parametrize("form", FORMS)
def test_around_step_may_be_written_in_any_form(form, body, customer):
    heard = []
    journey = surrounded(lambda self: heard.append("body") or body(self), form(heard)).start(customer)
    assert journey.perform_next_step() == Completed()
    assert heard == ["in", "body", "out"]
    assert Spy.objects.filter(word="body").exists()
    assert journey.data["by"] in ("sync", "async")


@pytest.mark.parametrize("wrap", [lambda manager: manager, AsyncManager])
@pytest.mark.parametrize("body", [lambda self: self.skip(), lambda self: Skipped()])
def test_around_step_lets_an_outcome_through(body, wrap, customer):
    manager = Manager(swallows=False)
    assert surrounded(body, lambda self: wrap(manager)).start(customer).perform_next_step() == Skipped()
    assert manager.heard[0] == "in"
    assert len(manager.heard) == 2


@pytest.mark.parametrize("wrap", [lambda manager: manager, AsyncManager])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_around_step_may_swallow_what_the_body_raised(kind, wrap, customer):
    async def raises(self):
        error()

    manager = Manager(swallows=True)
    journey = surrounded(raises if kind == "async" else lambda self: error(), lambda self: wrap(manager)).start(customer)
    assert journey.perform_next_step() == Completed()
    assert manager.heard == ["in", "OSError"]
    assert journey.steps_completed == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_one_event_loop_serves_an_async_around_step_and_its_body(kind, customer):
    async def around(self):
        Around.running = True
        try:
            yield
        finally:
            Around.running = False

    class Around:
        running = False

    async def asynchronous(self):
        assert Around.running

    def synchronous(self):
        assert Around.running

    body = asynchronous if kind == "async" else synchronous
    assert surrounded(body, around).start(customer).perform_next_step() == Completed()
    assert Around.running is False


@pytest.mark.django_db(transaction=True)
def test_a_transaction_held_by_a_sync_around_step_serves_an_async_body(customer):
    async def body(self):
        await Spy.objects.acreate(word="in the transaction")
        raise OSError("rolled back")

    def around(self):
        with transaction.atomic():
            yield

    journey = surrounded(body, around).start(customer)
    with pytest.raises(OSError, match="rolled back"):
        journey.perform_next_step()
    assert not Spy.objects.exists()
    assert not connection.in_atomic_block
    assert told(journey) == [("work", "failed")]


# ------------------------------------------------------------------------ after_finish, after_cancel, after_pause


class Ends(Journey[Customer]):
    heard = []
    body = staticmethod(lambda self: None)

    @step
    def work(self):
        self.data["touched"] = True
        return self.body(self)

    def hear(self, hook):
        self.heard.append((hook, row_of(self).state, row_of(self).performed_by))

    def after_finish(self):
        self.hear("after_finish")

    def after_cancel(self):
        self.hear("after_cancel")

    def after_pause(self):
        self.hear("after_pause")


def ends(body, **members):
    Ends.heard.clear()
    return type("EndsToo", (Ends,), {"body": staticmethod(body), "__module__": __name__, **members})


@pytest.mark.parametrize(
    ("body", "hook", "state"),
    [
        (lambda self: None, "after_finish", State.FINISHED),
        (lambda self: self.finish(), "after_finish", State.FINISHED),
        (lambda self: self.cancel(), "after_cancel", State.CANCELED),
        (lambda self: self.pause(), "after_pause", State.PAUSED),
    ],
)
def test_once_after_the_settlement_is_written(body, hook, state, customer):
    ends(body).start(customer).perform_next_step()
    assert Ends.heard == [(hook, state, None)]


def test_not_while_the_journey_goes_on(customer):
    ends(lambda self: self.reattempt(5)).start(customer).perform_next_step()
    assert Ends.heard == []


def test_after_pause_comes_again_for_another_pause(customer):
    journey = ends(lambda self: self.pause()).start(customer)
    journey.perform_next_step()
    journey.resume()
    journey.perform_next_step()
    assert [hook for hook, *_ in Ends.heard] == ["after_pause", "after_pause"]


@pytest.mark.django_db(transaction=True)
def test_a_pause_from_within_is_heard_after_the_body_ended(customer):
    def body(self):
        found(self).pause("from outside")
        assert Ends.heard == []

    ends(body, more=step(lambda self: None, name="more")).start(customer).perform_next_step()
    assert Ends.heard == [("after_pause", State.PAUSED, None)]


@pytest.mark.django_db(transaction=True)
def test_to_reschedule_a_paused_journey_is_no_second_pause(clock, customer):
    journey = ends(lambda self: self.pause()).start(customer)
    journey.perform_next_step()
    journey.reschedule(clock.now())
    assert len(Ends.heard) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_error_in_it_is_recorded_and_changes_nothing(kind, customer):
    async def raises(self):
        error()

    journey = ends(lambda self: None, after_finish=raises if kind == "async" else lambda self: error()).start(customer)
    assert journey.perform_next_step() == Completed()
    assert journey.state == State.FINISHED
    *_, performance, record = entries_of(journey)
    assert (performance.outcome, performance.state) == ("completed", State.FINISHED)
    assert (record.outcome, record.attempt, record.error_class) == ("hook_failed", None, "OSError")
    assert record.reason == "after_finish raised"


def test_sql_that_fails_in_it_ruins_nothing(customer):
    def broken(self):
        Spy.objects.create(id=1, word="one")
        Spy.objects.create(id=1, word="two")

    journey = ends(lambda self: None, after_finish=broken).start(customer)
    journey.perform_next_step()
    assert told(journey) == [("work", "completed"), (None, "hook_failed")]


def test_what_a_failed_step_set_can_not_be_saved_by_a_hook(customer):
    def save(self):
        assert "touched" not in self.data
        self.data["noted"] = self.reason
        self.save()

    journey = ends(lambda self: error(), after_pause=save).start(customer)
    with pytest.raises(OSError, match="no network"):
        journey.perform_next_step()
    assert found(journey).data == {"noted": "OSError: no network"}


def test_a_verb_in_it_acts_as_one_from_outside(customer):
    journey = ends(lambda self: self.pause(), after_pause=lambda self: self.cancel("no pauses here")).start(customer)
    journey.perform_next_step()
    assert found(journey).state == State.CANCELED
    assert told(journey) == [("work", "paused"), ("work", "canceled")]
