"""`@step` on a method, and `name = step(callable, ...)` in the class body."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any, assert_type
from unittest.mock import patch

from stepper_motor.journeys.steps import Steps, step
from tests.journeys.signup import Journey, Signup, found, send_letter, send_mail


class TestADecoratedMethod:
    def test_is_a_step_named_like_the_method_and_class_body_order_is_the_order(self) -> None:
        assert Steps.of(Signup).names == ("welcome", "remind", "complete")

    def test_stays_an_ordinary_method_that_runs_the_body_when_called(self) -> None:
        signup = Signup()
        assert inspect.isfunction(Signup.welcome)
        assert signup.welcome() == 1
        assert signup.did == ["welcome"]

    def test_keeps_its_type_sync_or_async(self) -> None:
        signup = Signup()
        assert_type(signup.welcome(), int)

        async def remind() -> None:
            assert_type(await signup.remind(), str)

        asyncio.run(remind())

    def test_is_called_through_the_step(self) -> None:
        signup = Signup()
        assert found(Signup, "welcome").call(signup) == 1
        assert asyncio.run(found(Signup, "remind").call(signup)) == "reminded"

    def test_knows_whether_it_is_async(self) -> None:
        assert [each.is_async for each in Steps.of(Signup)] == [False, True, False]

    def test_keeps_its_options_readable(self) -> None:
        remind = found(Signup, "remind")
        assert remind.wait == timedelta(days=2)
        assert remind.skip_if is not None
        assert list(remind.skip_if.names()) == ["is_active"]

    def test_has_defaults_for_what_was_not_given(self) -> None:
        welcome = found(Signup, "welcome")
        defaults = (welcome.wait, welcome.after, welcome.at, welcome.skip_if, welcome.only_if, welcome.on_exception)
        assert defaults == (None,) * 6
        assert (welcome.if_lost, welcome.timeout, welcome.atomic, welcome.formerly) == (None, None, False, ())

    def test_may_have_another_name_than_the_method(self) -> None:
        class Erasure(Journey):
            @step(name="delete, at last!")
            def delete_data(self) -> None: ...

        assert Steps.of(Erasure).names == ("delete, at last!",)
        assert found(Erasure, "delete, at last!").attribute == "delete_data"

    def test_may_be_private(self) -> None:
        class Signup(Journey):
            @step
            def _welcome(self) -> None:
                self.did.append("welcome")

            @step
            def __thank(self) -> None:
                self.did.append("thanks")

        signup = Signup()
        for each in Steps.of(Signup):
            each.call(signup)
        assert signup.did == ["welcome", "thanks"]

    def test_may_have_other_decorators_above_and_below(self) -> None:
        def twice(function: Callable[[Any], None]) -> Callable[[Any], None]:
            @functools.wraps(function)
            def run(journey: Any) -> None:
                function(journey)
                function(journey)

            return run

        class Signup(Journey):
            @twice
            @step
            def above(self) -> None:
                self.did.append("above")

            @step
            @twice
            def below(self) -> None:
                self.did.append("below")

        signup = Signup()
        for each in Steps.of(Signup):
            each.call(signup)
        assert signup.did == ["above", "above", "below", "below"]

    def test_can_be_patched_in_a_test(self) -> None:
        step = found(Signup, "welcome")
        with patch.object(Signup, "welcome", lambda journey: "patched"):
            assert step.call(Signup()) == "patched"

    def test_options_may_be_kept_for_several_steps(self) -> None:
        daily = step(wait=timedelta(days=1))

        class Signup(Journey):
            @daily
            def one(self) -> None: ...

            @daily
            def two(self) -> None: ...

        assert [each.wait for each in Steps.of(Signup)] == [timedelta(days=1)] * 2

    def test_may_be_declared_through_a_decorator_of_ones_own(self) -> None:
        def polite(function: Callable[[Any], None]) -> Callable[[Any], None]:
            return step(function, wait=60)

        class Signup(Journey):
            @polite
            def remind(self) -> None:
                self.did.append("remind")

        signup = Signup()
        signup.remind()
        assert found(Signup, "remind").wait == timedelta(minutes=1)
        assert signup.did == ["remind"]


class TestACallableInTheClassBody:
    class Campaign(Journey):
        first = step(send_mail)
        second = step(send_mail, wait=60)
        third = step(send_letter)
        fourth = step(functools.partial(send_letter))
        fifth = step(lambda journey: journey.did.append("lambda"))

    def test_is_a_step_named_like_the_attribute(self) -> None:
        assert Steps.of(self.Campaign).names == ("first", "second", "third", "fourth", "fifth")

    def test_may_serve_several_steps_each_with_its_own_options(self) -> None:
        assert found(self.Campaign, "first").wait is None
        assert found(self.Campaign, "second").wait == timedelta(minutes=1)

    def test_may_be_async(self) -> None:
        campaign = self.Campaign()
        assert [each.is_async for each in Steps.of(self.Campaign)] == [False, False, True, True, False]
        assert asyncio.run(found(self.Campaign, "fourth").call(campaign)) == "posted"

    def test_is_an_ordinary_method_too(self) -> None:
        campaign = self.Campaign()
        assert campaign.first() == "sent"
        assert_type(self.Campaign.first(campaign), str)
        assert self.Campaign.first.__doc__ == "Sends a mail."

    def test_is_not_touched_by_it(self) -> None:
        class Other(Journey):
            helper = send_mail

        assert Steps.of(Other).names == ()

    def test_may_be_an_object_with_a_call_method(self) -> None:
        class Mailer:
            def __call__(self, journey: Any) -> None:
                journey.did.append("mailer")

        class Poster:
            async def __call__(self, journey: Any) -> None:
                journey.did.append("poster")

        class Campaign(Journey):
            one = step(Mailer())
            two = step(Poster())

        campaign = Campaign()
        assert [each.is_async for each in Steps.of(Campaign)] == [False, True]
        found(Campaign, "one").call(campaign)
        asyncio.run(found(Campaign, "two").call(campaign))
        assert campaign.did == ["mailer", "poster"]

    def test_may_be_another_step_of_the_class(self) -> None:
        class Campaign(Journey):
            @step
            def mail(self) -> None:
                self.did.append("mail")

            again = step(mail, wait=5)

        assert [(each.name, each.wait) for each in Steps.of(Campaign)] == [
            ("mail", None),
            ("again", timedelta(seconds=5)),
        ]

    def test_may_have_a_name_of_its_own(self) -> None:
        class Campaign(Journey):
            first = step(send_mail, name="day 1")

        assert Steps.of(Campaign).names == ("day 1",)


class TestTimes:
    def test_repeat_a_step_under_numbered_names(self) -> None:
        class Campaign(Journey):
            remind = step(send_mail, times=3, wait=60, formerly=("nag",))

        steps = Steps.of(Campaign)
        assert steps.names == ("remind", "remind_2", "remind_3")
        assert [each.formerly for each in steps] == [("nag",), ("nag_2",), ("nag_3",)]
        assert {each.wait for each in steps} == {timedelta(minutes=1)}

    def test_repeat_a_method(self) -> None:
        class Campaign(Journey):
            @step(times=2)
            def remind(self) -> None:
                self.did.append("remind")

        campaign = Campaign()
        for each in Steps.of(Campaign):
            each.call(campaign)
        assert campaign.did == ["remind", "remind"]

    def test_repeat_beside_an_anchor_in_their_order(self) -> None:
        class Campaign(Journey):
            one = step(send_mail)
            two = step(send_mail)
            between = step(send_mail, times=2, after_step="one")

        assert Steps.of(Campaign).names == ("one", "between", "between_2", "two")
