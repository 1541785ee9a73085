"""The runner of the manual's examples notices when a page is wrong, and runs whatever could be run."""

from __future__ import annotations

import os
import sys
from textwrap import dedent

import pytest
from django.apps import apps
from django.db import connection

from stepper_motor import DefinitionError
from stepper_motor.django.metaclass import roots
from tests.docs.examples import play
from tests.docs.statements import Wrong

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(tmp_path, request):
    """Plays a page of this text."""

    def played(text):
        file = tmp_path / "page.md"
        file.write_text(dedent(text))
        play(file, request.getfixturevalue)

    return played


def python(code):
    return f"```python\n{dedent(code)}\n```\n"


def sqlalchemy(code):
    return f"```python sqlalchemy\n{dedent(code)}\n```\n"


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("1 + 1  # -> 3", "it is\n  2"),
        ("[1, 2]\n# -> [1,\n# 3]", "it is\n  [1, 2]"),
        ("print('a')\n# b", "it is\n  a"),
        ("print('nobody says so')", "it is\n  nobody says so"),
        ("int('1')  # raises ValueError", "nothing was raised"),
        ("int('x')  # raises KeyError", "but it is ValueError"),
        ("int('x')  # raises ValueError: invalid literal for float", "invalid literal for int"),
        ("async def two():\n    return 2\n\nawait two()  # -> 1", "it is\n  2"),
        (">>> 1 + 1\n3", "Got:\n    2"),
        ("def test_it():\n    assert 1 == 2", "assert 1 == 2"),
        ("def test_it(tmp_path):\n    assert not tmp_path.exists()", "assert not tmp_path.exists()"),
        ("async def test_it():\n    assert 1 == 2", "assert 1 == 2"),
        ("from django.test import TestCase\nclass T(TestCase):\n    def test_it(self):\n        self.fail('no')", "no"),
        ("# settings.py\nSTEPPER_MOTOR = {'LEAS': 3}", "did you mean 'LEASE'"),
        ("# settings.py\nINSTALLED_APPS = ['shpo']", "shpo"),
        ("# settings.py\nDEBUG = True", "nobody tries the setting DEBUG"),
    ],
)
def test_a_wrong_example_is_noticed(page, code, complaint):
    with pytest.raises((Wrong, ImportError, DefinitionError)) as told:
        page(python(code))
    assert complaint in str(told.value)


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("1 + 1  # -> 3", "it is\n  2"),
        ("async def two():\n    return 2\n\nawait two()  # -> 1", "it is\n  2"),
        ("def test_it():\n    assert 1 == 2", "assert 1 == 2"),
        ("async def test_it():\n    assert 1 == 2", "assert 1 == 2"),
        ("import pytest\n@pytest.fixture\ndef two():\n    yield 2\ndef test_it(two):\n    assert two == 1", "two == 1"),
        ("import pytest\n@pytest.fixture\nasync def two():\n    yield 2\nasync def test_it(two):\n    assert two == 1", "two == 1"),
        ("def test_it(tmp_path):\n    assert not tmp_path.exists()", "assert not tmp_path.exists()"),
    ],
)  # fmt: skip
def test_so_is_a_wrong_example_in_sqlalchemy(page, code, complaint):
    with pytest.raises(Wrong) as told:
        page(sqlalchemy(code))
    assert complaint in str(told.value)


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        ("$ python manage.py stepper_motor worker --processors 2", "--processors"),
        ("$ python manage.py steppermotor worker", "no command 'steppermotor'"),
        ("$ python manage.py migrate && python manage.py stepper_motor work", "work"),
        ("$ python manage.py stepper_motor doctor\nAll is well.", "Every journey in flight"),
        ("$ python manage.py stepper_motor doctor\n$ echo $?\n1", "it is\n  0"),
        ('$ pip install "stepper-motor[djnago]"', "no extra 'djnago'"),
        ("$ make tets", "no target 'tets'"),
        ("$ stepper-motor --app motor list --orderr due", "--orderr"),
        ("$ alembic revise", "revise"),
        ("$ launch", "launch"),
        ("no command at all", "begins with a command"),
    ],
)
def test_a_wrong_command_is_noticed(page, commands, complaint):
    with pytest.raises(Wrong) as told:
        page(f"```console\n{commands}\n```\n")
    assert complaint in str(told.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```ruby\n```\n", "nobody runs 'ruby'"),
        ("```\n```\n", "without a language"),
        ("```python\n", "without an end"),
        ("```mermaid\nflowchart TD\n```\n", "no journey of the page looks like this"),
        ("```ini\n[Service]\nExecStart=python manage.py stepper_motor wrker\n```\n", "wrker"),
        ("<!-- python\nassert False, 'hidden'\n-->\n", "hidden"),
    ],
)
def test_no_block_is_left_out(page, text, complaint):
    with pytest.raises((Wrong, ValueError, AssertionError)) as told:
        page(text)
    assert complaint in str(told.value)


def test_a_right_page_passes(page):
    page(
        python("from shop.models import Customer\nfrom stepper_motor import step\n")
        + python(
            """
            # shop/journeys.py
            from stepper_motor.django import Journey

            class Right(Journey[Customer]):
                @step
                def only(self): ...
            """
        )
        + python("# shop/views.py\nfrom shop.journeys import Right\n\ndef view(who):\n    return Right.start(who)")
        + python("repr(view(Customer.objects.create()))  # -> '<Right: shop.Right ... (ready)>'")
        + "```console\n$ python manage.py stepper_motor worker --once\n```\n"
        + python("(await Right.objects.aget()).state  # -> <State.FINISHED: 'finished'>")
    )


IN_SQLALCHEMY = """
    # service/journeys.py
    from service.database import async_sessions, sessions
    from service.models import Customer, Journey

    from stepper_motor import step
    from stepper_motor.sqlalchemy import Motor

    class Right(Journey[Customer]):
        @step
        def only(self): ...

    motor = Motor(sessions, journeys=Journey)
    """


def test_a_right_page_of_both_homes_passes(page):
    page(
        sqlalchemy(IN_SQLALCHEMY)
        + sqlalchemy("with sessions.begin() as session:\n    Right.start(session)")
        + "```console sqlalchemy\n$ stepper-motor --app service.journeys types\nRight\n  only\n"
        + "$ stepper-motor --app service.journeys worker --once\n"
        + "$ stepper-motor --app service.journeys doctor\n$ echo $?\n0\n```\n"
        + sqlalchemy("async with async_sessions() as session:\n    print(await session.scalar(Right.finished()))\n# <Right 1>")
        + python("from shop.models import Customer\nCustomer.objects.create(name='Ada').name  # -> 'Ada'")
    )  # fmt: skip


@pytest.mark.only_on("sqlite")
def test_a_command_that_prints_something_else_is_noticed_in_sqlalchemy_too(page):
    with pytest.raises(Wrong, match="Right"):
        page(
            sqlalchemy(IN_SQLALCHEMY)
            + "```console sqlalchemy\n$ stepper-motor --app service.journeys types\nWrong\n```\n"
        )


@pytest.mark.only_on("sqlite")
def test_nothing_of_a_service_is_left_behind(page):
    before, environment = set(sys.modules), dict(os.environ)
    for _ in range(2):
        page(sqlalchemy(IN_SQLALCHEMY) + sqlalchemy("# drip/app.py\nanswer = 42") + sqlalchemy("answer  # -> 42"))
    assert {name for name in set(sys.modules) - before if name.startswith(("service", "drip"))} == set()
    assert environment == dict(os.environ)


def test_nothing_of_a_page_is_left_behind(page):
    text = """
        ```python
        # shop/models.py
        from stepper_motor import step
        from stepper_motor.django import AbstractJourney


        class OnItsOwn(AbstractJourney):
            @step
            def only(self): ...
        ```

        ```python
        from shop.models import OnItsOwn

        OnItsOwn.start().pk  # -> 1
        ```
        """
    before = roots[:], connection.introspection.table_names(), list(apps.get_models(include_auto_created=True))
    page(text)
    page(text)
    assert before == (roots, connection.introspection.table_names(), list(apps.get_models(include_auto_created=True)))
