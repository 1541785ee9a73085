"""A class that is about to be mapped: what it is given, and what it may not declare."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column
from sqlalchemy.orm import MappedColumn, MapperProperty

from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.sqlalchemy.columns import COLUMNS, ENGINE_COLUMNS, HERO_COLUMNS
from stepper_motor.sqlalchemy.keys import inherited_key
from stepper_motor.sqlalchemy.roots import root_of
from stepper_motor.sqlalchemy.tables import JOURNEYS, ONE_PER_HERO, place_column, table_options

_TABLE_OF_ITS_OWN = "derive it from JourneyMixin and your base to give it a table of its own"


def becomes_root(cls: Any) -> bool:
    """Whether a class that is about to be mapped will have a table of its own."""
    if "__abstract__" in vars(cls):
        return False
    return root_of(cls) is None and (_has_base(cls) or "__tablename__" in vars(cls))


def _has_base(cls: type) -> bool:
    """Whether the app's base is among its bases: it is that which maps. (A class without one is decorated with
    `@registry.mapped`, and then has its `__tablename__` in its body.)"""
    return any(hasattr(base, "metadata") and hasattr(base, "registry") for base in cls.__mro__[1:])


def give_columns(cls: Any) -> None:
    """Put the columns of a journey on a class that is about to be mapped, but for those it has itself."""
    _check_declared(cls)
    skipped = HERO_COLUMNS if _has(cls, "hero") else ()
    _bring_hero_forward(cls)
    key = inherited_key(cls) or (None if _has(cls, "id") or _has_key(cls) else COLUMNS["id"]())
    columns = {"id": key} | {name: make() for name, make in COLUMNS.items() if name not in ("id", *skipped)}
    for name, column in columns.items():
        if column is not None:
            setattr(cls, name, column)
    if "__tablename__" not in vars(cls) and "__table__" not in vars(cls):
        cls.__tablename__ = JOURNEYS
    given, options = _table_args(cls)
    cls.__table_args__ = (*given, place_column(), {**table_options(), **options})
    cls.__mapper_args__ = {
        **_mapper_args(cls), "polymorphic_on": "type", "polymorphic_identity": _type_name(cls),
        "exclude_properties": [ONE_PER_HERO],
    }  # fmt: skip


def _bring_hero_forward(cls: Any) -> None:
    """A mixin of the app's may bring the hero. Whatever the order of the bases, it hides the library's."""
    owner = next((base for base in _of_the_app(cls) if "hero" in vars(base)), cls)
    if owner is not cls:
        cls.hero = vars(owner)["hero"]


def _check_declared(cls: Any) -> None:
    """The engine's columns are the engine's. What a mixin of the app's calls alike (an audit's `created_at`) gives way;
    on the class itself it must have been meant otherwise.

    Raises:
        DefinitionError: it declares one.
    """
    has_hero = _has(cls, "hero")
    if not has_hero and _has(cls, "hero_id"):
        raise DefinitionError(
            f"{cls.__name__} declares hero_id, but no hero: write hero: Mapped[...] = relationship() beside it, or "
            f"leave it out, and heroes may be of any class"
        )
    for name in (*ENGINE_COLUMNS, "data"):
        if (name in vars(cls) or name in _annotations(cls)) and not (has_hero and name in HERO_COLUMNS):
            raise DefinitionError(f"{cls.__name__}.{name} is a column of the engine's: call yours otherwise")


def give_identity(cls: Any) -> None:
    """Tell apart the rows of a class that shares its root's table."""
    root = root_of(cls)
    assert root is not None
    name = _type_name(cls)
    root.mapper.polymorphic_map.pop(name, None)  # a class that is defined again, by a reload or a test, replaces it
    cls.__mapper_args__ = {**_mapper_args(cls), "polymorphic_identity": name}


def _type_name(cls: Any) -> str:
    name = vars(cls).get("type_name")
    return str(cls.__name__) if name is None else name


def _has(cls: type, name: str) -> bool:
    """Whether the class, or a mixin of the app's, has a column or a relationship of this name."""
    return any(name in vars(base) or name in _annotations(base) for base in _of_the_app(cls))


def _of_the_app(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if not base.__module__.startswith("stepper_motor.")]


def _annotations(cls: type) -> dict[str, Any]:
    return vars(cls).get("__annotations__") or {}


def _has_key(cls: type) -> bool:
    columns = [value.column for base in cls.__mro__ for value in vars(base).values() if isinstance(value, MappedColumn)]
    return any(column.primary_key for column in columns)


def _table_args(cls: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given = getattr(cls, "__table_args__", None) or ()
    if isinstance(given, dict):
        return (), given
    if given and isinstance(given[-1], dict):
        return tuple(given[:-1]), given[-1]
    return tuple(given), {}


def _mapper_args(cls: Any) -> dict[str, Any]:
    given = vars(cls).get("__mapper_args__")
    return dict(given) if isinstance(given, dict) else {}


def check_shares_table(cls: Any) -> None:
    """Refuse columns, relationships and a name for a table on a class that shares its table, and on what it mixes in.

    Raises:
        DefinitionError: it declares some.
    """
    root = root_of(cls)
    assert root is not None
    if vars(cls).get("__tablename__"):
        raise DefinitionError(
            f"{cls.__name__} has a __tablename__, but shares the table of {root.cls.__name__}: {_TABLE_OF_ITS_OWN}"
        )
    added = [base for base in cls.__mro__ if base not in root.cls.__mro__]
    names = [name for base in added for name in _declared(base)]
    if names:
        raise DefinitionError(
            f"{cls.__name__} declares the columns {', '.join(names)}, but shares its table with other journeys: keep "
            f"values in self.data, or {_TABLE_OF_ITS_OWN}"
        )


def _declared(cls: type) -> list[str]:
    """The columns and relationships in the body of a class."""
    names = [name for name, value in vars(cls).items() if isinstance(value, MapperProperty | MappedColumn | Column)]
    kinds = {name: str(kind) for name, kind in _annotations(cls).items() if name not in names}
    return names + [name for name, kind in kinds.items() if kind.startswith(("Mapped[", "sqlalchemy.orm.base.Mapped["))]
