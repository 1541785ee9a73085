"""A root: a mapped class with a table of journeys. How it comes to its columns, its history and its types.

The class that first mixes in `JourneyMixin` below the app's base is a root, and so is every other that does so with a
table of its own. Classes derived from a root share its table: single-table inheritance, told apart by `type`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy import Table, update
from sqlalchemy.orm import Mapper, foreign, relationship, remote

from stepper_motor.journeys.definition import HOOKS, SETTINGS, define
from stepper_motor.journeys.errors import DefinitionError
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.journeys.reserved import check_names
from stepper_motor.motor.registry import Registry
from stepper_motor.sqlalchemy.columns import ENGINE_COLUMNS, HERO_COLUMNS
from stepper_motor.sqlalchemy.tables import (
    HistoryEntry,
    add_indexes,
    constraints,
    give_storage,
    history_table,
    one_per_hero,
    tickets_table,
)

if TYPE_CHECKING:
    from stepper_motor.sqlalchemy.motor import Motor

ENTRIES = "_entries"
"""The relationship behind `history`."""
_MAY_BE_DEFINED = frozenset({*HOOKS, *SETTINGS, "__tablename__", "__table_args__", "__mapper_args__"})


@dataclass(eq=False)
class Root:
    """What the library knows of one table of journeys."""

    cls: Any
    mapper: Mapper[Any]
    journeys: Registry = field(default_factory=Registry)
    """The classes whose rows it holds, by the name that rows remember."""
    motors: WeakSet[Motor] = field(default_factory=WeakSet)
    """Those that move its journeys in this process."""
    history: Any = None
    """The mapped class of the entries."""
    heroes: dict[str, Any] = field(default_factory=dict)
    """The mapped classes of heroes, by the names of their tables."""
    fallback: Motor | None = None
    """For verbs in a process that has no motor."""

    @cached_property
    def table(self) -> Table:
        table = self.mapper.local_table
        assert isinstance(table, Table)
        return table

    @cached_property
    def written(self) -> dict[str, Any]:
        """What a session's `get_bind()` is told, to answer where journeys are written: it may read elsewhere."""
        return {"mapper": self.mapper, "clause": update(self.table)}

    @cached_property
    def key(self) -> str:
        """The attribute of the primary key."""
        return self.mapper.get_property_by_column(self.table.primary_key.columns[0]).key

    @property
    def key_column(self) -> Any:
        return self.table.primary_key.columns[0]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The attributes of all columns."""
        return tuple(attribute.key for attribute in self.mapper.column_attrs)

    @cached_property
    def own(self) -> tuple[str, ...]:
        """The attributes of the app's own columns, and `data`."""
        engines = ENGINE_COLUMNS.difference(HERO_COLUMNS) if self.has_hero_column else ENGINE_COLUMNS
        return tuple(name for name in self.columns if name not in engines and name != self.key)

    @cached_property
    def has_hero_column(self) -> bool:
        """Whether `hero` is a relationship, over a foreign key in the table."""
        return "hero_type" not in self.table.columns

    @cached_property
    def hero_key(self) -> str:
        """The attribute of the column that says who the hero is."""
        return self.mapper.get_property_by_column(self.table.columns[_hero_columns(self)[-1]]).key

    @cached_property
    def related(self) -> tuple[str, ...]:
        """The attributes of the app's own relationships."""
        return tuple(name for name in self.mapper.relationships.keys() if name != ENTRIES)


def root_of(cls: Any) -> Root | None:
    """The root of a journey class; None where it has no table yet."""
    root: Root | None = getattr(cls, "_root", None)
    return root


def become_root(cls: Any, mapper: Mapper[Any]) -> None:
    """Give a class that has just been mapped its constraints, its history and its registry."""
    cls._root = root = Root(cls, mapper)
    table = root.table
    if len(table.primary_key.columns) != 1:
        raise DefinitionError(f"{cls.__name__}: the primary key of a journey has one column, an integer or a UUID, say")
    for each in [*constraints(table), one_per_hero(table, _hero_columns(root))]:
        table.append_constraint(each)
    add_indexes(table)
    give_storage(table)
    tickets_table(table.metadata, table.schema)
    root.history = cls.History = _history_class(root)
    mapper.add_property(ENTRIES, _history_of(root))
    mapper.polymorphic_map = _Tolerant(mapper, mapper.polymorphic_map)


def _hero_columns(root: Root) -> Sequence[str]:
    """The columns of the table that say who the hero is."""
    if not root.has_hero_column:
        return HERO_COLUMNS
    keys = [column.name for column in root.table.columns if column.foreign_keys]
    found = ["hero_id"] if "hero_id" in keys else keys
    if len(found) != 1:
        raise DefinitionError(
            f"{root.cls.__name__}: call the foreign key to its hero hero_id; its foreign keys are "
            f"{', '.join(keys) or 'none'}"
        )
    return found


def _history_class(root: Root) -> Any:
    cls = type(f"{root.cls.__name__}History", (HistoryEntry,), {"__module__": root.cls.__module__})
    root.mapper.registry.map_imperatively(cls, history_table(root.table))
    return cls


def _history_of(root: Root) -> Any:
    key, entry = root.table.primary_key.columns[0], root.history
    return relationship(
        entry, primaryjoin=key == foreign(remote(entry.journey_id)), viewonly=True, order_by=entry.id, uselist=True
    )


class _Tolerant(dict[Any, Mapper[Any]]):
    """Reads a row of a type that this code does not know as one of the root, so that it breaks no listing."""

    def __init__(self, root: Mapper[Any], known: Mapping[Any, Mapper[Any]]) -> None:
        super().__init__(known)
        self._root = root

    def __missing__(self, type_name: Any) -> Mapper[Any]:
        return self._root


def define_journey(cls: Any, *, is_type: bool) -> None:
    """Read a journey class that has been mapped.

    Raises:
        DefinitionError: it can't work; the message says what to write instead.
    """
    root = root_of(cls)
    assert root is not None
    _check_names(cls, root)
    define(cls)
    if is_type or len(cls.steps):
        root.journeys.add(cls)


def _check_names(cls: Any, root: Root) -> None:
    bases = [base for base in cls.__mro__[1:] if base.__module__.startswith("stepper_motor.") or base is JourneyBase]
    reserved = {name for base in bases for name in vars(base) if not name.startswith("__")}
    reserved |= {"metadata", "registry", "History", "hero", "history"}
    mapped: set[str] = set()
    if cls is not root.cls:
        reserved |= ENGINE_COLUMNS | set(root.mapper.all_orm_descriptors.keys())
    else:
        mapped = set(root.mapper.all_orm_descriptors.keys())
    check_names(cls, reserved, allowed=_MAY_BE_DEFINED | mapped)
