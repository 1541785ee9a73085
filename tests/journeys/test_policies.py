"""What an exception becomes: words, `Reattempt`, handlers, and mappings from exception classes to these."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.policies import Policy, Reattempt, if_lost_of

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class RateLimited(Exception): ...


class VeryRateLimited(RateLimited): ...


class Stopped(BaseException): ...


def handler(journey: Any, error: BaseException) -> None: ...


def selected(on_exception: Any, error: BaseException) -> Any:
    return Policy.of(on_exception, "Signup.on_exception").select(error)


class TestOneForAll:
    @pytest.mark.parametrize("word", ["pause", "cancel", "skip"])
    @pytest.mark.parametrize("error", [ValueError(), RateLimited(), Stopped(), KeyboardInterrupt()])
    def test_a_word_holds_for_any_exception_whatever_its_base_class(self, word: str, error: BaseException) -> None:
        assert selected(word, error) == word

    def test_the_word_reattempt_means_a_reattempt_with_the_defaults(self) -> None:
        assert selected("reattempt", ValueError()) == Reattempt()

    def test_a_reattempt_and_a_handler_are_kept_as_they_are(self) -> None:
        mine = Reattempt(wait=30)
        assert selected(mine, ValueError()) is mine
        assert selected(handler, ValueError()) is handler

    def test_a_handler_may_be_async(self) -> None:
        async def later(journey: Any, error: Exception) -> None: ...

        assert selected(later, ValueError()) is later

    def test_a_policy_is_kept_as_it_is(self) -> None:
        policy = Policy.of("skip", "here")
        assert Policy.of(policy, "there") is policy


class TestAMapping:
    def test_selects_by_class(self) -> None:
        policy = {RateLimited: "reattempt", LookupError: "cancel", ValueError: handler}
        assert selected(policy, RateLimited()) == Reattempt()
        assert selected(policy, KeyError()) == "cancel"
        assert selected(policy, ValueError()) is handler

    @pytest.mark.parametrize("reverse", [False, True])
    def test_the_most_specific_class_wins_in_whatever_order(self, reverse: bool) -> None:
        entries = [(Exception, "pause"), (RateLimited, "skip"), (VeryRateLimited, "cancel")]
        policy = dict(reversed(entries) if reverse else entries)
        assert selected(policy, VeryRateLimited()) == "cancel"
        assert selected(policy, RateLimited()) == "skip"
        assert selected(policy, ValueError()) == "pause"

    def test_of_two_bases_the_one_that_python_asks_first_wins(self) -> None:
        class Both(RateLimited, LookupError): ...

        assert selected({LookupError: "cancel", RateLimited: "skip"}, Both()) == "skip"

    def test_in_which_nothing_matches_selects_nothing(self) -> None:
        assert selected({RateLimited: "skip"}, ValueError()) is None
        assert selected({}, ValueError()) is None

    def test_exception_is_the_rest_even_of_what_does_not_derive_from_it(self) -> None:
        assert selected({Exception: "skip", RateLimited: "cancel"}, Stopped()) == "skip"
        assert selected({Exception: "skip", BaseException: "cancel"}, Stopped()) == "cancel"

    def test_may_name_what_does_not_derive_from_exception(self) -> None:
        assert selected({Stopped: "cancel"}, Stopped()) == "cancel"
        assert selected({Stopped: "cancel"}, ValueError()) is None


class TestErrorsAtDefinition:
    def refused(self, on_exception: Any, match: str) -> None:
        with pytest.raises(DefinitionError, match=match):
            Policy.of(on_exception, "Signup.on_exception")

    def test_an_unknown_word_lists_the_right_ones_and_names_the_nearest(self) -> None:
        self.refused(
            "cancle",
            r"Signup.on_exception must be 'pause', 'cancel', 'skip' or 'reattempt', got 'cancle'; did you mean 'cancel",
        )

    @pytest.mark.parametrize("value", [5, None, ["pause"], True, timedelta(1)])
    def test_anything_else_says_what_to_write(self, value: Any) -> None:
        self.refused(value, r"must be .*, a Reattempt\(\.\.\.\) or a function, got")

    def test_the_class_reattempt_wants_to_be_called(self) -> None:
        self.refused(Reattempt, r"write Reattempt\(\)")
        self.refused(ValueError, "must be a function, got the class ValueError")

    def test_a_handler_takes_the_journey_and_the_error(self) -> None:
        self.refused(lambda journey: None, r"must take \(journey, error\)")

    def test_a_handler_that_yields_would_run_nothing(self) -> None:
        def yielding(journey: Any, error: Exception) -> Any:
            yield

        self.refused(yielding, "yields")

    @pytest.mark.parametrize("key", ["ValueError", int, ValueError("x"), (ValueError, KeyError), None])
    def test_a_key_is_an_exception_class(self, key: Any) -> None:
        self.refused({key: "pause"}, "the keys must be exception classes, got")

    def test_a_mapping_in_a_mapping_is_an_error(self) -> None:
        self.refused({ValueError: {KeyError: "pause"}}, "Signup.on_exception must be")

    def test_a_wrong_word_in_a_mapping_is_an_error(self) -> None:
        self.refused({ValueError: "paus"}, "did you mean 'pause'")


class TestReattempt:
    def test_has_these_defaults(self) -> None:
        default = Reattempt()
        assert (default.wait, default.backoff, default.max_wait) == (10 * SECOND, 2, HOUR)
        assert (default.jitter, default.max_attempts, default.then) == (0.1, 20, "pause")

    def test_takes_seconds_and_timedeltas(self) -> None:
        assert Reattempt(wait=30, max_wait=60.5) == Reattempt(wait=30 * SECOND, max_wait=timedelta(seconds=60.5))

    def test_waits_longer_each_time_up_to_the_longest_wait(self) -> None:
        policy = Reattempt(wait=10, backoff=2, max_wait=60, jitter=0)
        assert [policy.delay(count) for count in range(1, 6)] == [n * SECOND for n in (10, 20, 40, 60, 60)]

    def test_waits_always_alike_with_a_backoff_of_one(self) -> None:
        assert {Reattempt(wait=5, backoff=1, jitter=0).delay(count) for count in (1, 2, 10**9)} == {5 * SECOND}

    def test_may_not_wait_at_all(self) -> None:
        assert Reattempt(wait=0).delay(1) == Reattempt(wait=0).delay(10**9) == timedelta(0)

    def test_a_wait_of_more_than_an_hour_raises_the_longest_wait_unless_that_is_given(self) -> None:
        assert Reattempt(wait=2 * HOUR).max_wait == 2 * HOUR
        assert Reattempt(wait=2 * HOUR, max_wait=24 * HOUR).max_wait == 24 * HOUR
        with pytest.raises(DefinitionError, match=r"max_wait \(1:00:00\) is shorter than wait \(2:00:00\)"):
            Reattempt(wait=2 * HOUR, max_wait=HOUR)

    @pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 30), (0.5, 60), (1.0, 90)])
    def test_jitter_is_plus_or_minus_after_the_cap(self, drawn: float, seconds: int) -> None:
        policy = Reattempt(wait=60, max_wait=60, jitter=0.5)
        assert policy.delay(7, random=lambda: drawn) == seconds * SECOND

    def test_is_not_overflown_by_a_huge_count(self) -> None:
        assert Reattempt(jitter=0).delay(10**12) == HOUR
        assert Reattempt(backoff=10**400, jitter=0).delay(3) == HOUR

    def test_gives_up_after_so_many_failures_the_first_included(self) -> None:
        policy = Reattempt(max_attempts=3)
        assert [policy.gives_up_after(failures) for failures in (1, 2, 3, 4)] == [False, False, True, True]

    def test_never_gives_up_without_a_limit(self) -> None:
        assert not Reattempt(max_attempts=None).gives_up_after(10**9)

    @pytest.mark.parametrize(
        "options",
        [
            {"wait": -1},
            {"wait": "10s"},
            {"max_wait": -1},
            {"max_wait": True},
            {"backoff": 0.5},
            {"backoff": float("nan")},
            {"backoff": float("inf")},
            {"backoff": "2"},
            {"backoff": True},
            {"jitter": -0.1},
            {"jitter": 1.1},
            {"jitter": None},
            {"max_attempts": 0},
            {"max_attempts": -1},
            {"max_attempts": 2.5},
            {"max_attempts": True},
            {"then": "skip"},
            {"then": "reattempt"},
            {"then": None},
        ],
        ids=str,
    )
    def test_a_wrong_value_is_an_error_that_names_the_option(self, options: Any) -> None:
        with pytest.raises(DefinitionError, match=rf"Reattempt\(\): {next(iter(options))}"):
            Reattempt(**options)

    def test_a_wrong_word_names_the_nearest(self) -> None:
        with pytest.raises(
            DefinitionError, match=r"then must be 'pause' or 'cancel', got 'canceled'; did you mean 'canc"
        ):
            Reattempt(then="canceled")  # type: ignore[arg-type]

    @given(
        wait=some.timedeltas(timedelta(0), timedelta(days=30)),
        longer_by=some.timedeltas(timedelta(0), timedelta(days=300)),
        backoff=some.floats(1, 1e6),
        jitter=some.floats(0, 1),
        count=some.integers(0, 10**30),
        drawn=some.floats(0, 1),
    )
    def test_a_delay_is_between_the_first_wait_and_the_longest_but_for_jitter(
        self, wait: timedelta, longer_by: timedelta, backoff: float, jitter: float, count: int, drawn: float
    ) -> None:
        policy = Reattempt(wait=wait, max_wait=wait + longer_by, backoff=backoff, jitter=jitter)
        delay = policy.delay(count, random=lambda: drawn)
        a_trifle = timedelta(microseconds=2)
        assert wait * (1 - jitter) - a_trifle <= delay <= policy.max_wait * (1 + jitter) + a_trifle
        assert delay >= timedelta(0)

    @given(some.integers(1, 1000), some.floats(1, 10))
    def test_a_later_delay_is_never_shorter_without_jitter(self, count: int, backoff: float) -> None:
        policy = Reattempt(backoff=backoff, jitter=0)
        assert policy.delay(count) <= policy.delay(count + 1)


class TestIfLost:
    @pytest.mark.parametrize("word", ["reattempt", "pause", "skip", "cancel"])
    def test_is_one_of_four_words(self, word: str) -> None:
        assert if_lost_of(word, "Signup.if_lost") == word

    @pytest.mark.parametrize("value", ["resume", "", None, 5, Reattempt()])
    def test_is_nothing_else(self, value: Any) -> None:
        with pytest.raises(
            DefinitionError, match=r"Signup.if_lost must be 'pause', 'cancel', 'skip' or 'reattempt', got"
        ):
            if_lost_of(value, "Signup.if_lost")
