"""The runner of the manual's examples notices when a page is wrong, and runs whatever could be run."""

from __future__ import annotations

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
        ("# settings.py\nSTEPPER_MOTOR = {'LEAS': 3}", "did you mean 'lease'"),
        ("# settings.py\nINSTALLED_APPS = ['shpo']", "shpo"),
        ("# settings.py\nDEBUG = True", "nobody tries the setting DEBUG"),
    ],
)
def test_a_wrong_example_is_noticed(page, code, complaint):
    with pytest.raises((Wrong, ImportError, DefinitionError)) as told:
        page(python(code))
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
