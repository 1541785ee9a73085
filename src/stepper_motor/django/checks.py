"""What can be misconfigured and is not known when a class is defined: told by `manage.py check`, each with a hint.

Contradictions within a journey class are errors when it is defined, and not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, wraps
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, connections, models, router, transaction
from django.utils.connection import ConnectionDoesNotExist

from stepper_motor.django.database import DIALECTS
from stepper_motor.django.engine import motor, read_scheduler, read_settings
from stepper_motor.django.metaclass import roots
from stepper_motor.django.queue_checks import check_queue
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.motor.motor import Motor
from stepper_motor.motor.survey import unknown_positions

TAG = "stepper_motor"
OLDEST = {"postgresql": (14,), "mariadb": (10, 6), "mysql": (8,), "sqlite": (3, 35)}
"""The oldest servers that can pass over locked rows, and that return what was updated or read JSON as a table."""

SQLITE_OPTIONS = (
    'DATABASES[...]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, '
    '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"}'
)

Check = Callable[..., Iterator[CheckMessage]]


def register() -> None:
    """Let Django's `check` run them all."""
    for check in STATIC:
        checks.register(_listed(check), TAG)
    for check in ASKING:
        checks.register(_listed(check), TAG, checks.Tags.database)


def check_settings(**_: Any) -> Iterator[CheckMessage]:
    """E001: `STEPPER_MOTOR` has an unknown name, or a value that can't be."""
    try:
        read_settings()
        read_scheduler()
    except DefinitionError as error:
        yield checks.Error(
            str(error),
            hint="Correct STEPPER_MOTOR in the settings; stepper_motor.motor.settings.Settings lists all there is, "
            "besides SCHEDULER and CLOCK.",
            id="stepper_motor.E001",
        )
    except ConnectionDoesNotExist:
        return  # check_databases tells of it


def check_time_zone(**_: Any) -> Iterator[CheckMessage]:
    """E002, E010: times could not be stored as what they are."""
    if not django_settings.USE_TZ:
        yield checks.Error(
            "Journeys keep aware times, and USE_TZ is False.",
            hint="Set USE_TZ = True; TIME_ZONE may stay what it is.",
            id="stepper_motor.E002",
        )
    for alias in sorted(set(_kept_by_alias()) & set(connections)):
        if connections[alias].vendor in ("mysql", "sqlite") and connections[alias].timezone_name != "UTC":
            yield checks.Error(
                f"The database {alias!r} keeps times in {connections[alias].timezone_name}, journeys theirs in UTC.",
                hint=f"Leave TIME_ZONE out of DATABASES[{alias!r}]; that of the project may stay what it is.",
                id="stepper_motor.E010",
            )


def check_databases(**_: Any) -> Iterator[CheckMessage]:
    """E003, E004, W001: the databases that journeys are kept in."""
    for alias, kept in sorted(_kept_by_alias().items()):
        if alias not in connections:
            yield _no_such_alias(alias, kept)
        elif connections[alias].vendor not in DIALECTS:
            yield _unsupported(alias, kept)
        elif connections[alias].vendor == "sqlite":
            yield from _deferred(alias)


def check_routes(**_: Any) -> Iterator[CheckMessage]:
    """E005, E006, E009: the database routers, where there are any."""
    for root in roots:
        alias, elsewhere = router.db_for_write(root), router.db_for_write(root.History)
        astray = [cls for cls in root.registry if router.db_for_write(cls) != alias]
        if elsewhere != alias:
            yield _history_elsewhere(root, alias, elsewhere)
        if alias in connections and astray:
            yield _classes_elsewhere(root, alias, astray)
        if alias in connections and not router.allow_migrate_model(alias, root):
            yield _not_migrated(root, alias)


def check_heroes(**_: Any) -> Iterator[CheckMessage]:
    """E007: a foreign key can't lead to another database."""
    for root in roots:
        for field in root._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and isinstance(field.related_model, type):
                yield from _key_to_another_database(root, field)


def check_servers(*, databases: Sequence[str] | None, **_: Any) -> Iterator[CheckMessage]:
    """E008: the server is too old. Asks the databases, so it runs with `check --database` and `migrate`."""
    for alias in sorted(set(databases or ()) & set(_kept_by_alias())):
        connection = connections[alias]
        name = "mariadb" if getattr(connection, "mysql_is_mariadb", False) else connection.vendor
        if is_too_old(name, connection.get_database_version()):
            yield _too_old(alias, name, connection.get_database_version())


def check_positions(*, databases: Sequence[str] | None, **_: Any) -> Iterator[CheckMessage]:
    """W002: journeys in flight that this code could not perform. Reads the tables, with `check --database`."""
    try:
        whole = motor() if databases else None
    except (DefinitionError, ConnectionDoesNotExist, LookupError):
        return  # told by the others
    for store in whole.stores if whole else ():
        alias: str = store.alias  # type: ignore[attr-defined]
        if alias in (databases or ()):
            one = Motor(whole.settings if whole else None)
            one.join(store)
            yield from _unknown(one, alias)


STATIC: tuple[Check, ...] = (
    check_settings, check_time_zone, check_databases, check_routes, check_heroes, check_queue,
)  # fmt: skip
ASKING: tuple[Check, ...] = (check_servers, check_positions)
"""Those that ask the databases."""


def is_too_old(name: str, version: tuple[int, ...]) -> bool:
    """Whether journeys can't be kept by this version of the server."""
    return version < OLDEST.get(name, ())


@cache  # Django knows its checks apart, and gets an app ready again when a test changes INSTALLED_APPS
def _listed(check: Check) -> Callable[..., list[CheckMessage]]:
    """As Django wants it: a function that gives a list."""

    @wraps(check)
    def listed(*, app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
        return list(check(app_configs=app_configs, databases=databases, **kwargs))

    return listed


def _kept_by_alias() -> dict[str, list[Any]]:
    kept: dict[str, list[Any]] = {}
    for root in roots:
        kept.setdefault(router.db_for_write(root), []).append(root)
    return kept


def _labels(kept: list[Any]) -> str:
    return ", ".join(root._meta.label for root in kept)


def _no_such_alias(alias: str, kept: list[Any]) -> CheckMessage:
    return checks.Error(
        f"A database router keeps {_labels(kept)} in {alias!r}, and DATABASES has no such alias.",
        hint=f"Add {alias!r} to DATABASES, or let db_for_write() of the router name one of {', '.join(connections)}.",
        id="stepper_motor.E003",
    )


def _unsupported(alias: str, kept: list[Any]) -> CheckMessage:
    return checks.Error(
        f"{_labels(kept)} can't be kept in the database {alias!r}, which is {connections[alias].vendor!r}.",
        hint=f"Journeys can be kept in {', '.join(DIALECTS)}: route them to such a database with DATABASE_ROUTERS.",
        id="stepper_motor.E004",
    )


def _deferred(alias: str) -> Iterator[CheckMessage]:
    if connections[alias].settings_dict.get("OPTIONS", {}).get("transaction_mode") in ("IMMEDIATE", "EXCLUSIVE"):
        return
    yield checks.Warning(
        f"The SQLite database {alias!r} begins transactions as readers: one of yours that reads and then writes fails "
        f"at once with “database is locked” while a worker writes, whatever its timeout.",
        hint=SQLITE_OPTIONS.replace("...", repr(alias)),
        id="stepper_motor.W001",
    )


def _history_elsewhere(root: Any, alias: str, elsewhere: str) -> CheckMessage:
    return checks.Error(
        f"A database router keeps {root._meta.label} in {alias!r} and its history in {elsewhere!r}.",
        hint="A journey's state and its history are written in one transaction: route both to one database.",
        obj=root,
        id="stepper_motor.E005",
    )


def _classes_elsewhere(root: Any, alias: str, astray: list[Any]) -> CheckMessage:
    return checks.Error(
        f"A database router keeps {root._meta.label} in {alias!r}, but writes {_labels(astray)} elsewhere, where no "
        f"worker looks for them.",
        hint="A journey class is a proxy, and its app is yours: let the router ask model._meta.concrete_model.",
        obj=root,
        id="stepper_motor.E009",
    )


def _not_migrated(root: Any, alias: str) -> CheckMessage:
    return checks.Error(
        f"A database router keeps {root._meta.label} in {alias!r}, and does not allow its table to be migrated there.",
        hint="Let allow_migrate() of the router agree with its db_for_write().",
        obj=root,
        id="stepper_motor.E006",
    )


def _key_to_another_database(root: Any, field: Any) -> Iterator[CheckMessage]:
    here, there = router.db_for_write(root), router.db_for_write(field.related_model)
    if here != there:
        yield checks.Error(
            f"{root._meta.label}.{field.name} leads from {here!r} to {field.related_model._meta.label} in {there!r}.",
            hint="A foreign key stays within one database: route both to one, or derive the journey from Journey, "
            "which keeps its hero as two texts.",
            obj=field,
            id="stepper_motor.E007",
        )


def _too_old(alias: str, name: str, version: tuple[int, ...]) -> CheckMessage:
    has, needs = (".".join(map(str, numbers)) for numbers in (version, OLDEST[name]))
    return checks.Error(
        f"The database {alias!r} is {name} {has}, and journeys need {needs} or newer.",
        hint="Upgrade the server: older ones can't pass over rows that another worker has locked.",
        id="stepper_motor.E008",
    )


def _unknown(one: Motor, alias: str) -> Iterator[CheckMessage]:
    tables = connections[alias].introspection.table_names()
    if any(store.root._meta.db_table not in tables for store in one.stores):  # type: ignore[attr-defined]
        return  # not migrated yet
    try:
        with transaction.atomic(using=alias):
            positions = unknown_positions(one)
    except DatabaseError:
        return  # about to be migrated: a column is missing
    for position in positions:
        yield checks.Warning(
            str(position),
            hint="`manage.py stepper_motor doctor` lists them all, and fails where there are any.",
            id="stepper_motor.W002",
        )
