"""Primary keys: a hero's as text, in the form `hero_id` has, and a journey's own, which the engine writes into JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, String, Uuid
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, to_instance

from stepper_motor.journeys.errors import DefinitionError

_SQLITE = sqlite.dialect()

# -------------------------------------------------------------------------------------------------- a key as text


def text_of(key: Sequence[Any]) -> str:
    """A primary key as text; of a composite one, a JSON array of the texts."""
    texts = [value.name if isinstance(value, Enum) else str(value) for value in key]
    return json.dumps(texts) if len(texts) > 1 else texts[0]


def read(columns: Sequence[Any], text: str) -> tuple[Any, ...] | None:
    """The primary key that a text stands for; None if these columns can't have such a key."""
    try:
        texts = json.loads(text) if len(columns) > 1 else [text]
        return tuple(_value(column.type, part) for column, part in zip(columns, texts, strict=True))
    except Exception:
        return None


def _value(type_: Any, text: str) -> Any:
    kind = type_.python_type
    if issubclass(kind, Enum):
        return kind[text]
    if hasattr(kind, "fromisoformat"):
        return kind.fromisoformat(text)
    return kind(text)


class key_text(FunctionElement[str]):  # reads as a function: key_text(column)
    """A primary key as text, made by the database."""

    inherit_cache = True
    type = String()
    name = "key_text"


@compiles(key_text)
def _as_text(element: key_text, compiler: SQLCompiler, **options: Any) -> str:
    (key,) = element.clauses
    dialect, text = compiler.dialect, compiler.process(key, **options)
    digits = _digits_of(key.type, dialect)
    if dialect.name in ("mysql", "mariadb"):
        text = f"CONCAT({_dashed(digits(text), ', ')})" if digits else f"CAST({text} AS CHAR(200))"
        # The other side of the comparison has this collation, and MySQL does not choose between two.
        return f"CONVERT({text} USING utf8mb4) COLLATE utf8mb4_bin"
    return f"({_dashed(digits(text), ' || ')})" if digits else f"CAST({text} AS VARCHAR)"


def _digits_of(type_: Any, dialect: Dialect) -> Callable[[str], str] | None:
    """How to write the 32 hexadecimal digits of a UUID, where it is kept without dashes: `hero_id` has it with."""
    if type_.python_type is not UUID:
        return None
    if isinstance(type_, Uuid):
        return None if type_.native_uuid and dialect.supports_native_uuid else str
    kept = _impl(type_, dialect)
    if kept.python_type is bytes:
        return "lower(hex({}))".format
    return str if getattr(kept, "length", None) == 32 else None


def _dashed(digits: str, between: str) -> str:
    groups = [f"substr({digits}, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))]
    return f"{between}'-'{between}".join(groups)


def _impl(type_: Any, dialect: Dialect) -> Any:
    """The type of the database in which one of Python's is kept."""
    adapted = type_.dialect_impl(dialect)
    return getattr(adapted, "impl_instance", adapted)


# ------------------------------------------------------------------------------------- the key of a table of journeys


def inherited_key(cls: Any) -> MappedColumn[Any] | None:
    """The `id` in place of one that the class would inherit from the app's base and that the database would keep as
    bytes: the same UUIDs, kept as SQLAlchemy's own type keeps them. None if there is no need."""
    owner = next((base for base in cls.__mro__ if "id" in vars(base)), cls)
    inherited = vars(owner).get("id")
    if owner is cls or not isinstance(inherited, MappedColumn) or not inherited.column.primary_key:
        return None
    type_: Any = inherited.column.type
    if isinstance(type_, NullType):  # an annotation tells it
        is_uuid = "UUID" in str(vars(owner).get("__annotations__", {}).get("id"))
        type_ = to_instance(cls.registry.type_annotation_map.get(UUID)) if is_uuid else type_
    if isinstance(type_, NullType) or type_.python_type is not UUID or _impl(type_, _SQLITE).python_type is not bytes:
        return None
    default = inherited.column.default
    return mapped_column(Uuid(), primary_key=True, default=getattr(default, "arg", None))


def check(column: Column[Any], dialect: Dialect) -> None:
    """Refuse a key that can't be written into a JSON document.

    Raises:
        DefinitionError: this database keeps it as bytes.
    """
    if _impl(column.type, dialect).python_type is bytes:
        raise DefinitionError(
            f"{column} is kept as bytes by {dialect.name}: give the journeys a key that is a number, a text, or a UUID "
            f"of the type sqlalchemy.Uuid"
        )
