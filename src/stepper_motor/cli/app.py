"""Finding the motor that `--app myapp.motor:motor` names."""

from __future__ import annotations

import os
import sys
from functools import reduce
from importlib import import_module
from types import ModuleType
from typing import Any, cast

from stepper_motor.cli.home import Home
from stepper_motor.journeys.errors import StepperMotorError
from stepper_motor.journeys.spelling import did_you_mean

VARIABLE = "STEPPER_MOTOR_APP"
"""The environment variable that names the app where `--app` does not."""
ATTRIBUTE = "motor"
"""Where the motor is looked for in a module, if nothing else is said."""
ASKED_OF_A_HOME = ("motor", "listening")


class NoApp(StepperMotorError):
    """What was named is no motor. The message is for the person who named it."""


def load_app(name: str) -> Home:
    """The motor at `package.module:attribute`, or `package.module`, whose `motor` it is then.

    Raises:
        NoApp: there is no such module or attribute, or it is no motor.
        Exception: what the module raised when it was imported.
    """
    module_name, _, attribute = name.partition(":")
    found = _attribute(_module(module_name, name), attribute or ATTRIBUTE)
    if isinstance(found, type) or not all(callable(getattr(found, asked, None)) for asked in ASKED_OF_A_HOME):
        raise NoApp(f"{module_name}:{attribute or ATTRIBUTE} is {_described(found)}, not a stepper_motor Motor")
    return cast("Home", found)


def _module(module_name: str, name: str) -> ModuleType:
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise NoApp(f"--app must be module:attribute, such as myapp.motor:motor, got {name!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        if not f"{module_name}.".startswith(f"{error.name}."):
            raise  # it is there, and imports what is not
        looked = f"looked for in {os.getcwd()}, and where Python's packages are"
        raise NoApp(f"there is no module {error.name!r} ({looked})") from None


def _attribute(module: ModuleType, path: str) -> Any:
    try:
        return reduce(getattr, path.split("."), cast("Any", module))
    except AttributeError:
        public = [name for name in vars(module) if not name.startswith("_")]
        hint = did_you_mean(path, public)
        raise NoApp(f"module {module.__name__!r} has no {path!r}{hint}: name it, as in --app module:motor") from None


def _described(found: object) -> str:
    return f"the class {found.__name__}" if isinstance(found, type) else f"an object of type {type(found).__name__}"
