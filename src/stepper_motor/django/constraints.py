"""Indexes and the one-per-hero rule, as each database can have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Case, Q, Value, When

from stepper_motor.journeys.row import ONGOING


class PartialIndex(models.Index):
    """An index over the rows that satisfy `where`; over all rows and other columns where there are no such indexes."""

    def __init__(self, *, fields: Sequence[str], where: Q, elsewhere: Sequence[str], name: str) -> None:
        self.where = where
        self.elsewhere = list(elsewhere)
        super().__init__(fields=list(fields), name=name)

    def deconstruct(self) -> Any:
        path, _, _ = super().deconstruct()
        kwargs = {"fields": self.fields, "where": self.where, "elsewhere": self.elsewhere, "name": self.name}
        return path, (), kwargs

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any
    ) -> Any:
        if schema_editor.connection.features.supports_partial_indexes:
            index = models.Index(fields=self.fields, condition=self.where, name=self.name)
        else:
            index = models.Index(fields=self.elsewhere, name=self.name)
        return index.create_sql(model, schema_editor, using, **kwargs)


class OnePerHero(models.UniqueConstraint):
    """At most one ongoing journey for a hero, type and key, unless `allow_multiple`.

    One unique index over hero, type, key and an expression that is null for all other journeys (nulls are distinct):
    so it finds a hero's journeys as well, ended ones too, and no other index on the hero is needed. MariaDB has no
    expression indexes: there, and on MySQL, a generated column holds a hash of the whole, or null, and an index of its
    own finds a hero's journeys.
    """

    def __init__(self, *, hero: Sequence[str], name: str) -> None:
        self.hero = tuple(hero)
        self._taken = Q(state__in=sorted(ONGOING), allow_multiple=False)
        place = Case(When(self._taken, then=Value(True)), default=None, output_field=models.BooleanField())
        super().__init__(*self.hero, "type", "key", place, name=name)

    def deconstruct(self) -> Any:
        return f"{type(self).__module__}.{type(self).__qualname__}", (), {"hero": self.hero, "name": self.name}

    def check(self, model: type[models.Model], connection: Any) -> list[Any]:
        return []  # Django would warn that MariaDB can't have it, and knows nothing of the generated column

    _check = check  # as Django 5.2 calls it

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """The database decides, when the row is written: a look before it would prove nothing."""

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: Any) -> Any:
        if schema_editor.connection.vendor != "mysql" or model is None:
            return super().constraint_sql(model, schema_editor)
        return ", ".join(self._generated(model, schema_editor))

    def create_sql(self, model: type[models.Model] | None, schema_editor: Any) -> Any:
        if schema_editor.connection.vendor != "mysql" or model is None:
            return super().create_sql(model, schema_editor)
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} " + ", ".join(f"ADD {part}" for part in self._generated(model, schema_editor))

    def remove_sql(self, model: type[models.Model] | None, schema_editor: Any) -> Any:
        if schema_editor.connection.vendor != "mysql" or model is None:
            return super().remove_sql(model, schema_editor)
        quote = schema_editor.quote_name
        table = quote(model._meta.db_table)
        dropped = [f"DROP INDEX {quote(self.name)}", f"DROP COLUMN {quote(self.name)}"]
        if self._has_index_of_heroes:
            dropped.append(f"DROP INDEX {quote(self._index_of_heroes)}")
        return f"ALTER TABLE {table} {', '.join(dropped)}"

    @property
    def _has_index_of_heroes(self) -> bool:
        """A foreign key has one anyway."""
        return len(self.hero) > 1

    @property
    def _index_of_heroes(self) -> str:
        return self.name.replace("one_per_hero", "heroes")

    def _generated(self, model: type[models.Model], schema_editor: Any) -> list[str]:
        """The column and the indexes, as a table's definition has them."""
        quote = schema_editor.quote_name
        fields: list[Any] = [model._meta.get_field(name) for name in (*self.hero, "type", "key")]
        parts = ", 0x1f, ".join(f"CAST({quote(field.column)} AS CHAR)" for field in fields)
        states = ", ".join(f"'{state}'" for state in sorted(ONGOING))
        taken = f"{quote('state')} IN ({states}) AND NOT {quote('allow_multiple')}"
        value = f"CASE WHEN {taken} THEN SHA2(CONCAT({parts}), 256) END"
        column = f"{quote(self.name)} CHAR(64) CHARACTER SET ascii GENERATED ALWAYS AS ({value}) VIRTUAL"
        indexes = [f"UNIQUE KEY {quote(self.name)} ({quote(self.name)})"]
        if self._has_index_of_heroes:
            of_heroes = ", ".join(quote(field.column) for field in fields[: len(self.hero)])
            indexes.append(f"KEY {quote(self._index_of_heroes)} ({of_heroes})")
        return [column, *indexes]
