"""Starting journeys; making, saving, reading and deleting records."""

from __future__ import annotations

from typing import Any


def start(cls: Any, hero: Any = None, *, inside: Any = None, **options: Any) -> Any:
    """Start a journey; `inside` is the journey whose step does it."""
    return cls.start(hero, **options)


async def astart(cls: Any, hero: Any = None, **options: Any) -> Any:
    return await cls.astart(hero, **options)


def start_for(cls: Any, heroes: Any, **options: Any) -> int:
    return cls.start_for(heroes, **options)


def create(model: Any, *, inside: Any = None, **columns: Any) -> Any:
    """A new record, saved."""
    return model.objects.create(**columns)


def create_many(model: Any, rows: Any) -> list[Any]:
    """New records with these columns each, saved."""
    return model.objects.bulk_create([model(**columns) for columns in rows])


def save(record: Any, *names: str) -> None:
    """Write what was set by hand; of a journey, these own columns alone where they are named."""
    record.save(**({"update_fields": names} if names else {}))


def reload(record: Any) -> None:
    record.refresh_from_db()


def delete(record: Any) -> None:
    record.delete()


def found(record: Any, *, inside: Any = None) -> Any:
    """A fresh object, as the database has the record now."""
    return type(record)._base_manager.get(pk=record.pk)


async def afound(record: Any, *, inside: Any = None) -> Any:
    return await type(record)._base_manager.aget(pk=record.pk)


async def astart_for(cls: Any, heroes: Any, **options: Any) -> int:
    return await cls.astart_for(heroes, **options)


def mine(record: Any, journey: Any) -> Any:
    """The record, as the session of the journey's step has it."""
    return record


def adopted(journey: Any) -> Any:
    """A journey that was performed, in a session of the caller's."""
    return journey


async def areload(record: Any) -> None:
    await record.arefresh_from_db()


def columns_of(record: Any) -> dict[str, Any]:
    """Every column, as the object has it."""
    return {field.attname: getattr(record, field.attname) for field in record._meta.concrete_fields}


def hero_type_of(model: Any) -> str:
    return model._meta.db_table


def table_of(model: Any) -> str:
    return model._meta.db_table
