"""How a journey class becomes a Django model: without a Meta, a migration or a content type of its own.

A root has a table: `Journey`, and each concrete class derived from `AbstractJourney`. A class derived from a root is a
proxy of it, hidden from makemigrations and content types by `auto_created`, and found again by `from_db`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.base import ModelBase
from django.db.models.options import Options

from stepper_motor.django.managers import JourneyManager, JourneyQuerySet
from stepper_motor.django.tables import history_model, table_meta, without_hero_type
from stepper_motor.journeys.definition import HOOKS, SETTINGS, define
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.reserved import check_names
from stepper_motor.motor.registry import Registry

roots: list[Any] = []
"""Every class that has a table of journeys, in the order they were defined."""

_MAY_BE_DEFINED = frozenset({*HOOKS, *SETTINGS, "Meta", "objects", "__str__", "__repr__", "get_absolute_url"})


class JourneyMetaclass(ModelBase):
    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        root = _root_among(bases)
        is_first = not any(isinstance(base, JourneyMetaclass) for base in bases)
        if root is None and (is_first or _is_abstract(namespace)):
            return super().__new__(mcs, name, bases, without_hero_type(namespace), **options)
        if root is None:
            cls: Any = super().__new__(mcs, name, bases, table_meta(name, bases, namespace), **options)
            _become_root(cls, namespace)
        else:
            cls = super().__new__(mcs, name, bases, _proxy_meta(name, namespace, root), **options)
            _hide(cls)
        try:
            _define(cls, namespace, is_type=root is not None and not _is_abstract(namespace))
        except BaseException:
            _forget(cls)
            raise
        return cls


def _is_abstract(namespace: dict[str, Any]) -> bool:
    """Its author says that it is there to be derived from. (Below a root it is a proxy that is no type all the same:
    Django has no abstract classes between a table and its proxies.)"""
    return bool(getattr(namespace.get("Meta"), "abstract", False))


def _define(cls: Any, namespace: dict[str, Any], *, is_type: bool) -> None:
    """Read the journey, now that Django has put the fields on the class, so that conditions may name them."""
    _check_names(cls, namespace)
    _check_manager(cls, namespace.get("objects"))
    define(cls)
    cls.definition = replace(
        cls.definition, type_name=_type_name(cls) if namespace.get("type_name") is None else namespace["type_name"]
    )
    if is_type or (len(cls.steps) and not cls._meta.proxy):
        _check_other_tables(cls)
        cls.registry.add(cls)


def _forget(cls: Any) -> None:
    """A class that could not be defined leaves nothing behind."""
    roots[:] = [each for each in roots if each is not cls]
    for model in filter(None, (cls, cls.__dict__.get("History"))):
        del apps.all_models[model._meta.app_label][model._meta.model_name]
    apps.clear_cache()


def _check_other_tables(cls: Any) -> None:
    """A type name means one class, whatever the table: a worker's `--types` and the lines of the log rely on it."""
    name = cls.definition.type_name
    for root in roots:
        other = root.registry.find(name) if root.registry is not cls.registry else None
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise DefinitionError(
                f"{cls.__module__}.{cls.__qualname__} and {other.__module__}.{other.__qualname__} both have the type "
                f"name {name!r}, in two tables: set another type_name on one of them"
            )


def _root_among(bases: tuple[type, ...]) -> Any:
    journeys: list[Any] = [base for base in bases if isinstance(base, JourneyMetaclass)]
    found = [base for base in journeys if not base._meta.abstract]
    return found[0]._meta.concrete_model if found else None


def _become_root(cls: Any, namespace: dict[str, Any]) -> None:
    cls.registry = Registry()
    cls.History = history_model(cls)
    cls._own_fields = [
        field for field in cls._meta.concrete_fields
        if field.name not in cls.engine_fields and not field.primary_key
    ]  # fmt: skip
    roots.append(cls)


def _proxy_meta(name: str, namespace: dict[str, Any], root: Any) -> dict[str, Any]:
    fields = [attribute for attribute, value in namespace.items() if isinstance(value, models.Field)]
    if fields:
        raise DefinitionError(
            f"{name} declares the fields {', '.join(fields)}, but shares its table with other journeys: keep values in "
            f"self.data, or derive it from AbstractJourney to give it a table of its own"
        )
    given = namespace.get("Meta")
    module = namespace.get("__module__", "")
    app = apps.get_containing_app_config(module)
    label = getattr(given, "app_label", None) or (app.label if app else root._meta.app_label)
    meta = {"proxy": True, "abstract": False, "app_label": label}
    _forget_former(label, name, module, in_app=app is not None)
    return {**namespace, "Meta": type("Meta", (given,) if given else (), meta)}


def _forget_former(label: str, name: str, module: str, *, in_app: bool) -> None:
    """A class that is defined again, by a reload or a test, replaces the earlier one without a warning.

    Classes outside of every app (those of tests) share a label, so one may have the name of another module's: Django's
    registry, which nothing asks for them, then knows the later one alone.
    """
    former: Any = apps.all_models[label].get(name.lower())
    if not _is_hidden(former):
        return
    if former.__module__ == module:
        former.registry.remove(former)
    if former.__module__ == module or not in_app:
        del apps.all_models[label][name.lower()]


def _is_hidden(model: Any) -> bool:
    return isinstance(model, JourneyMetaclass) and bool(getattr(model, "_meta").auto_created)  # noqa: B009


def _type_name(cls: Any) -> str:
    """app_label.ClassName; outside of every app, the module stands for the label."""
    in_app = apps.get_containing_app_config(cls.__module__) is not None
    return cls._meta.label if in_app else f"{cls.__module__}.{cls.__name__}"


class _HiddenOptions(Options):  # type: ignore[type-arg]
    """`str()` is what a dump calls the record: its table, since the class may be gone when it is loaded (and loaddata
    resets the sequences of tables, not of proxies)."""

    def __str__(self) -> str:
        return str(self.concrete_model._meta)  # type: ignore[union-attr]


def _hide(cls: Any) -> None:
    cls._meta.__class__ = _HiddenOptions
    cls._meta.auto_created = cls._meta.concrete_model
    cls._meta.apps.clear_cache()


def _check_names(cls: Any, namespace: dict[str, Any]) -> None:
    reserved = {name for base in _library_bases(cls) for name in vars(base) if not name.startswith("__")}
    reserved |= cls.engine_fields | {"data", "id", "hero", "history", "steps", "definition", "registry", "History"}
    reserved |= {field.name for field in cls._own_fields}
    fields = {name for name, value in namespace.items() if isinstance(value, models.Field)}
    check_names(cls, reserved, allowed=_MAY_BE_DEFINED | fields)


def _check_manager(cls: Any, given: Any) -> None:
    queryset = getattr(given, "_queryset_class", JourneyQuerySet)
    if given is not None and not (isinstance(given, JourneyManager) and issubclass(queryset, JourneyQuerySet)):
        raise DefinitionError(
            f"{cls.__name__}.objects would list the journeys of all classes, without their queries and verbs: write "
            f"objects = JourneyManager.from_queryset(YourQuerySet)(), with a YourQuerySet derived from JourneyQuerySet"
        )


def _library_bases(cls: Any) -> list[type]:
    own = ("stepper_motor.", "django.db.models")
    return [base for base in cls.__mro__[1:] if base.__module__.startswith(own) or base is JourneyBase]
