"""The project's motor: built from `settings.STEPPER_MOTOR` when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from threading import Lock
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import connections, router
from django.utils.module_loading import import_string

from stepper_motor.django.metaclass import roots
from stepper_motor.django.store import DjangoStore
from stepper_motor.journeys.errors import DefinitionError, StepperMotorError
from stepper_motor.journeys.spelling import did_you_mean
from stepper_motor.motor import clock
from stepper_motor.motor.forks import in_a_fork
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.receiving import found_by
from stepper_motor.motor.schedulers import Scheduler
from stepper_motor.motor.settings import Settings

OF_DJANGO = ("SCHEDULER", "CLOCK")
"""Names in `STEPPER_MOTOR` that are no field of `Settings`."""
KNOWN = (*(field.name.upper() for field in fields(Settings)), *OF_DJANGO)
EXTRAS = {
    "celery": "celery", "rq": "rq", "dramatiq": "dramatiq", "huey": "huey", "procrastinate": "procrastinate",
    "taskiq": "taskiq", "django_tasks": "django-tasks",
}  # fmt: skip
"""What a queue imports, and the extra that brings it."""
_motor: Motor | None = None
_clock: Any = None
"""The clock that the settings asked for."""
_stores: dict[tuple[Any, str], DjangoStore] = {}
_lock = Lock()


def _begin_anew() -> None:
    global _lock
    _lock = Lock()  # a thread that is not in the fork may hold the parent's


in_a_fork(_begin_anew)


def motor() -> Motor:
    """The motor of this project: one in each process."""
    global _motor
    if _motor is None or len(_motor.stores) < len(roots):
        settings = read_settings() if _motor is None else _motor.settings
        with _lock:
            _motor = _joined(_motor or Motor(settings, scheduler=read_scheduler()))
    return _motor


def _joined(motor: Motor) -> Motor:
    """Every table joins once; one that is defined later, as tests do, when it has a journey to move."""
    known: set[Any] = {store.root for store in motor.stores}  # type: ignore[attr-defined]
    for root in roots:
        if root not in known and (len(root.registry) or not known):
            motor.join(store_of(root, None, motor.settings))
    return motor


def motor_of_types(types: Iterable[str]) -> Motor:
    """A motor that knows these journey types alone, for a worker that is to perform no others.

    Raises:
        DefinitionError: one of them is not known.
    """
    whole = motor()
    narrowed = whole.sibling()
    wanted = set(types)
    for root in roots:
        here = wanted & set(root.registry.types)
        wanted -= here
        if here:
            store = DjangoStore(root, _alias(root), whole.settings)
            store.registry = root.registry.only(here)
            narrowed.join(store)
    if wanted:
        names = ", ".join(name for root in roots for name in root.registry.types)
        raise DefinitionError(f"there is no journey type {sorted(wanted)[0]!r}; there are {names or 'none'}")
    return narrowed


def read_settings() -> Settings:
    """`STEPPER_MOTOR` as it stands in the project's settings, in upper case there.

    Raises:
        DefinitionError: an unknown name or an impossible value.
    """
    given = _given()
    for name in given:
        if name in KNOWN:
            continue
        if str(name).upper() in KNOWN:
            raise DefinitionError(f"STEPPER_MOTOR: write {str(name).upper()!r} in place of {name!r}")
        hint = did_you_mean(str(name).upper(), KNOWN) or f": known are {', '.join(KNOWN)}"
        raise DefinitionError(f"STEPPER_MOTOR: there is no setting {name!r}{hint}")
    lowered = {name.lower(): value for name, value in given.items() if name not in OF_DJANGO}
    install_clock()
    if "concurrency" not in lowered and connections[_alias(roots[0])].vendor == "sqlite":
        lowered["concurrency"] = 1  # SQLite has one writer
    return Settings.of(lowered)


def _given() -> Mapping[Any, Any]:
    given = getattr(django_settings, "STEPPER_MOTOR", {})
    if not isinstance(given, Mapping):
        raise DefinitionError(f"STEPPER_MOTOR must be a dictionary, got {given!r}")
    return given


def install_clock() -> None:
    """Install `STEPPER_MOTOR["CLOCK"]`, where there is one; one that stood there before, and does no more, goes.

    Raises:
        DefinitionError: it is no clock, nor the dotted path of one.
    """
    global _clock
    given = _given().get("CLOCK")
    if given is None:
        if _clock is not None and clock.installed() is _clock:
            clock.install(clock.SystemClock())
        _clock = None
        return
    try:
        found = import_string(given) if isinstance(given, str) else given
    except ImportError as error:
        raise DefinitionError(f"STEPPER_MOTOR['CLOCK']: {error}") from error
    if not callable(getattr(found, "now", None)):
        raise DefinitionError(f"STEPPER_MOTOR['CLOCK'] must be a clock or the dotted path of one, got {given!r}")
    if found is not _clock:
        clock.install(found)
    _clock = found


def read_scheduler() -> Scheduler | None:
    """`STEPPER_MOTOR["SCHEDULER"]`: a scheduler, or the dotted path of one or of a function that makes one.

    Raises:
        DefinitionError: it is something else, or its queue can't be set up so.
    """
    given = _given().get("SCHEDULER")
    if given is None:
        return None
    try:
        found = import_string(given) if isinstance(given, str) else given
        found = found if isinstance(found, Scheduler) or not callable(found) else found()
    except ImportError as error:
        if error.name in EXTRAS:
            extra = EXTRAS[error.name]
            raise DefinitionError(
                f"STEPPER_MOTOR['SCHEDULER']: {error}; pip install 'stepper-motor[{extra}]'"
            ) from error
        raise DefinitionError(
            f"STEPPER_MOTOR['SCHEDULER']: {error}; it must be the path of a module and the name of a scheduler in it, "
            f"or of a function that makes one, such as 'shop.scheduling.scheduler'"
        ) from error
    except (ImproperlyConfigured, StepperMotorError, ValueError, TypeError) as error:
        if isinstance(given, str) and not _is_class(given):
            raise DefinitionError(f"STEPPER_MOTOR['SCHEDULER']: {given} can't be made: {error}") from error
        raise DefinitionError(
            f"STEPPER_MOTOR['SCHEDULER'] must be a scheduler, such as ForwardScheduler(CeleryQueue()), or the dotted "
            f"path of one, got {given!r}: {error}"
        ) from error
    if not isinstance(found, Scheduler):
        raise DefinitionError(
            f"STEPPER_MOTOR['SCHEDULER'] must be a scheduler, such as ForwardScheduler(CeleryQueue()), or the dotted "
            f"path of one, got {given!r}"
        )
    return found


def _is_class(path: str) -> bool:
    """Whether it is the path of a class, which can't be made without what it is to be given."""
    try:
        return isinstance(import_string(path), type)
    except Exception:
        return False


def store_of(cls: Any, using: str | None, settings: Settings | None = None) -> DjangoStore:
    """The store of the table that a journey class's rows are in."""
    root = cls._meta.concrete_model
    key = root, using or _alias(root)
    if key not in _stores:
        _stores[key] = DjangoStore(root, key[1], settings or motor().settings)
    return _stores[key]


def _alias(root: Any) -> str:
    return router.db_for_write(root)


def _forget(*, setting: str, **_: Any) -> None:
    """Settings were overridden, as tests do: build the motor anew when it is next asked for."""
    global _motor
    if setting in ("STEPPER_MOTOR", "DATABASES", "DATABASE_ROUTERS"):
        _motor = None
        _stores.clear()
    if setting == "STEPPER_MOTOR":
        with suppress(DefinitionError):  # said when the motor is built, and by the system checks
            install_clock()


setting_changed.connect(_forget)
found_by(motor)
