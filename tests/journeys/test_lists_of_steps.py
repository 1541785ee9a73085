"""A list of steps in the class body."""

from __future__ import annotations

import asyncio
import functools
import warnings
from datetime import timedelta

import pytest

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.steps import Steps, step
from tests.journeys.signup import Journey, found, send_letter, send_mail


class TestAList:
    def test_is_spliced_in_order_and_names_come_from_the_functions(self) -> None:
        class Campaign(Journey):
            start = step(send_mail)
            reminders = [step(send_mail, wait=60), step(send_letter), step(send_mail, name="day 3")]
            end = step(send_mail)

        assert Steps.of(Campaign).names == ("start", "send_mail", "send_letter", "day 3", "end")

    def test_keeps_the_callables(self) -> None:
        class Campaign(Journey):
            reminders = [step(send_mail), step(functools.partial(send_letter), name="letter")]

        campaign = Campaign()
        assert found(Campaign, "send_mail").call(campaign) == "sent"
        assert asyncio.run(found(Campaign, "letter").call(campaign)) == "posted"
        assert [(each.attribute, each.is_async) for each in Steps.of(Campaign)] == [(None, False), (None, True)]

    def test_may_come_from_a_comprehension(self) -> None:
        class Campaign(Journey):
            reminders = [step(send_mail, name=f"day {day}", wait=timedelta(days=1)) for day in range(1, 4)]

        assert Steps.of(Campaign).names == ("day 1", "day 2", "day 3")

    def test_names_a_lambda_by_position_and_warns_that_such_names_move(self) -> None:
        class Campaign(Journey):
            named = step(send_mail)
            rest = [step(lambda journey: 2), step(send_letter)]

        with pytest.warns(UserWarning, match=r"called 'step_2' by its position, which moves.*name="):
            steps = Steps.of(Campaign)
        assert steps.names == ("named", "step_2", "send_letter")

    def test_the_warning_points_at_the_line_and_is_given_for_the_class_alone_that_has_the_list(self) -> None:
        class Campaign(Journey):
            rest = [step(lambda journey: 1)]

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Steps.of(Campaign)
            Steps.of(type("Child", (Campaign,), {}))
        assert [warning.filename for warning in caught] == [__file__]

    def test_a_name_by_position_may_clash_with_a_name_like_it(self) -> None:
        class Campaign(Journey):
            step_2 = step(send_mail)
            rest = [step(lambda journey: 1)]

        with (
            pytest.warns(UserWarning, match="step_2"),
            pytest.raises(DefinitionError, match="two steps are called 'step_2'"),
        ):
            Steps.of(Campaign)

    def test_that_mixes_steps_and_other_things_is_an_error(self) -> None:
        class Campaign(Journey):
            rest = [step(send_mail), send_letter]

        with pytest.raises(DefinitionError, match=r"Campaign.rest is a list of steps: write step\(\.\.\.\) around"):
            Steps.of(Campaign)

    def test_of_other_things_is_no_matter(self) -> None:
        class Campaign(Journey):
            days = [1, 2, 3]
            callbacks = [send_mail]
            nothing: list[str] = []

        assert Steps.of(Campaign).names == ()
