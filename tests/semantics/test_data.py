"""`self.data` and columns of your own: saved with the transition, dropped with an exception. SEMANTICS 1 and 3."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stepper_motor import Canceled, Completed, Paused, Reattempt, Skipped, State
from tests.home import found, save, start, statements
from tests.semantics.seen import entries_of, last_entry, told
from tests.semantics.writing import writing

pytestmark = pytest.mark.database


def sets(self):
    self.data["sent"] = 1


ENDS = {
    "a normal end": (lambda self: None, Completed()),
    "skip": (lambda self: self.skip(), Skipped()),
    "cancel": (lambda self: self.cancel(), Canceled()),
    "pause": (lambda self: self.pause(), Paused()),
    "a returned outcome": (lambda self: Paused("look"), Paused("look")),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_a_step_sets_is_saved_when_it_ends_normally_or_by_a_verb(end, customer):
    body, outcome = ENDS[end]
    journey = start(writing(lambda self: sets(self) or body(self)), customer, data={"kept": True})
    assert journey.perform_next_step() == outcome
    assert found(journey).data == {"kept": True, "sent": 1}


@pytest.mark.parametrize("policy", ["pause", "cancel", "skip", Reattempt(), lambda journey, error: journey.finish()])
def test_what_it_sets_is_dropped_when_it_raised(policy, customer):
    journey = start(writing(lambda self: sets(self) or 1 / 0, on_exception=policy), customer, data={"kept": True})
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert journey.data == found(journey).data == {"kept": True}


CHANGES = {
    "a new value": lambda self: setattr(self, "data", {"new": 1}),
    "a key": lambda self: self.data.update(key=1),
    "deep in a dict": lambda self: self.data["a"]["b"].update(c=2),
    "deep in a list": lambda self: self.data["list"][1].append("deep"),
    "a key that went": lambda self: self.data.pop("a"),
    "no dict at all": lambda self: setattr(self, "data", ["a", "list"]),
    "a null": lambda self: setattr(self, "data", None),
    "a text": lambda self: setattr(self, "data", "text"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_deep_inside_are_saved_too(change, customer):
    before = {"a": {"b": {"c": 1}}, "list": [1, ["deeper"]]}
    journey = start(writing(lambda self: CHANGES[change](self)), customer, data=before)
    expected = found(journey)
    CHANGES[change](expected)
    journey.perform_next_step()
    assert found(journey).data == expected.data != before


def test_what_a_step_did_not_change_is_not_written(customer):
    journey = start(writing(lambda self: None), customer, data={"kept": True})
    with statements() as sent:
        journey.perform_next_step()
    updates = [sql for sql in sent if sql.lstrip().startswith(("UPDATE", "WITH"))]
    assert updates
    assert not any("kept" in sql for sql in updates)


@pytest.mark.database(transaction=True)
def test_so_what_another_saved_meanwhile_stays(customer):
    def body(self):
        other = found(self)
        other.data["by another"] = True
        save(other)

    journey = start(writing(body), customer)
    journey.perform_next_step()
    assert journey.data == {"by another": True}


def test_text_of_every_kind_survives(customer):
    text = "Ünïcödé ☕ \U0001f680 \"quotes\" back\\slash 'single' \n\t %s %(x)s {} end"
    journey = start(writing(lambda self: self.data.update({text: text})), customer)
    journey.perform_next_step()
    assert found(journey).data == {text: text}


def test_numbers_of_every_kind_survive(customer):
    numbers = {"int": 2**53, "negative": -1, "float": 0.1, "true": True, "null": None, "nested": [[], {}]}
    journey = start(writing(lambda self: self.data.update(numbers)), customer)
    journey.perform_next_step()
    assert found(journey).data == numbers


NOT_JSON = {
    "an object": (object(), TypeError),
    "a set": ({1, 2}, TypeError),
    "a time": (datetime(2030, 1, 1, tzinfo=UTC), TypeError),
    "bytes": (b"bytes", TypeError),
    "not a number": (float("nan"), ValueError),
    "infinity": (float("inf"), ValueError),
}


@pytest.mark.parametrize("kind", NOT_JSON)
def test_what_json_can_not_hold_is_an_exception_under_the_policy(kind, customer):
    value, error = NOT_JSON[kind]
    journey = start(writing(lambda self: self.data.update(bad=value), on_exception="skip"), customer)
    with pytest.raises(error):
        journey.perform_next_step()
    assert (journey.next_step_name, journey.data) == ("more", {})
    assert (journey.steps_entered, journey.steps_completed) == (1, 0)
    assert (last_entry(journey).outcome, last_entry(journey).error_class) == ("failed", error.__name__)


def test_a_circle_is_an_exception_too(customer):
    journey = start(writing(lambda self: self.data.update(itself=self.data)), customer)
    with pytest.raises(ValueError, match="Circular"):
        journey.perform_next_step()
    assert (journey.state, told(journey)) == (State.PAUSED, [("work", "failed")])


@pytest.mark.only_on("postgresql")
@pytest.mark.parametrize("text", ["nul \0", "lone \ud800"])
@pytest.mark.parametrize("atomic", [False, True])
def test_so_is_what_the_database_refuses(atomic, text, customer):
    heard = []

    def decide(journey, error):
        heard.append(error)
        journey.cancel("can't be kept")

    journey = start(writing(lambda self: self.data.update(bad=text), on_exception=decide, atomic=atomic), customer)
    with pytest.raises(Exception, match=r"(?i)unicode|surrogate|\\u0000|syntax for type json") as raised:
        journey.perform_next_step()
    assert heard == [raised.value]
    assert (journey.state, journey.reason, journey.data) == (State.CANCELED, "can't be kept", {})
    assert (told(journey), len(entries_of(journey))) == ([("work", "failed")], 1)
