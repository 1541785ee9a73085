"""The store of a root: the engine's SQL, Django's objects, and Django's transactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Any, TypeVar

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction
from django.db.models import Prefetch, prefetch_related_objects

from stepper_motor.django import heroes, leftovers, threads
from stepper_motor.django.database import DjangoDatabase, immediate
from stepper_motor.django.lookups import among
from stepper_motor.django.notifications import notify
from stepper_motor.django.reading import converted
from stepper_motor.journeys.journey import JourneyBase
from stepper_motor.motor.loop import LoopThread
from stepper_motor.motor.ports import Before, Claim, JourneyId
from stepper_motor.motor.settings import Settings
from stepper_motor.motor.settling import retrying
from stepper_motor.sql.store import SqlStore

T = TypeVar("T")
NOTHING = leftovers.Mark(0)
"""What is open in a thread of async steps before one begins."""
LONGEST_CONNECTION = 600.0
"""Seconds a connection of the worker lives where CONN_MAX_AGE is 0, which is meant for requests."""


class DjangoStore(SqlStore):
    """Asks and writes one table of journeys on one database alias."""

    def __init__(self, root: Any, alias: str, settings: Settings) -> None:
        self.root = root
        self.alias = alias
        self.django = DjangoDatabase(root, alias)
        super().__init__(self.django.table, self.django, root.registry, settings)
        columns = [self.django.dialect.quote(field.column) for field in root._meta.concrete_fields]
        self._all_columns = ", ".join(columns).replace("%", "%%")

    @property
    def connection(self) -> Any:
        return connections[self.alias]

    # ---------------------------------------------------------------------------------------------- objects

    def claim_at_once(self, id: JourneyId, fence: str, holder: str) -> tuple[Claim, JourneyBase[Any] | None] | None:
        if not (self._can_be_ours(fence) and self.database.dialect.updates_return and self.django.own_columns):
            return super().claim_at_once(id, fence, holder)
        claiming, params = self._claiming_one(id, fence, holder, self._all_columns)
        claimed = list(self.root._base_manager.using(self.alias).raw(claiming, params))
        retrying(self, lambda: self.load_heroes(claimed))  # by itself: the claim is committed, and can't be sent again
        # The claim was what updated the row last, by the database's time.
        claims = [(Claim(each.pk, each.next_step_to_be_performed_at, each.updated_at), each) for each in claimed]
        return claims[0] if claims else None

    def load(self, ids: Sequence[JourneyId]) -> dict[JourneyId, Any]:
        found = {journey.pk: journey for journey in self.root._base_manager.using(self.alias).filter(among(ids))}
        self.load_heroes(list(found.values()))
        return found

    def load_again(self, before: Mapping[JourneyId, Before]) -> dict[JourneyId, Any]:
        fields, connection = self.root._own_fields, self.connection
        own = {id: converted(fields, each.own, connection) for id, each in before.items() if each.own is not None}
        missing = [id for id in before if id not in own]
        names = [field.attname for field in fields]
        if missing:
            rows = self.root._base_manager.using(self.alias).filter(among(missing)).values_list("pk", *names)
            own |= {pk: values for pk, *values in rows}
        found = {id: before[id].journey._next_object(before[id].row, dict(zip(names, values, strict=True)))
                 for id, values in own.items()}  # fmt: skip
        self.load_heroes(list(found.values()))
        return found

    def load_heroes(self, journeys: list[Any]) -> None:
        """Read the heroes of these journeys, which were read together, with one query for each kind of hero."""
        if not journeys:
            return
        if self.root._has_hero_column():
            model = self.root._meta.get_field("hero").related_model
            all_heroes = model._base_manager.using(heroes.alias_of(model, journeys[0]))
            return prefetch_related_objects(journeys, Prefetch("hero", queryset=all_heroes))
        by_type: dict[str, list[Any]] = {}
        for journey in journeys:
            if journey.hero_id is not None:
                by_type.setdefault(journey.hero_type, []).append(journey)
        for hero_type, theirs in by_type.items():
            try:
                found = heroes.fetch(hero_type, {journey.hero_id for journey in theirs}, theirs[0])
            except heroes.UnknownHero:
                continue  # said where it can be settled: when the journey asks for its hero
            for journey in theirs:
                journey._hero, journey._hero_read = found.get(journey.hero_id), True

    # ----------------------------------------------------------------------------------------- transactions

    def transaction(self) -> AbstractContextManager[None]:
        return self.django.transaction()

    @contextmanager
    def atomic_step(self) -> Iterator[None]:
        connection = self.connection
        with immediate(connection), self._read_committed(), transaction.atomic(using=self.alias):
            yield

    @contextmanager
    def _read_committed(self) -> Iterator[None]:
        """Only where the project asks for a stricter level: it would make the settlement fail, not wait."""
        connection = self.connection
        level = getattr(connection, "isolation_level", None)
        if connection.in_atomic_block or connection.vendor == "sqlite" or not _is_stricter(level):
            yield
            return
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            yield
            return
        connection.ensure_connection()
        before = connection.connection.isolation_level
        connection.connection.isolation_level = 2  # psycopg's READ COMMITTED
        try:
            yield
        finally:
            if connection.connection is not None:
                connection.connection.isolation_level = before

    def in_transaction(self) -> bool:
        connection = self.connection
        blocks = connection.atomic_blocks
        return any(not block._from_testcase for block in blocks) or (
            not blocks and connection.connection is not None and not connection.get_autocommit()
        )

    def in_test(self) -> bool:
        return bool(self.connection.atomic_blocks)

    def may_retry(self) -> bool:
        return not (self.in_transaction() or self.in_test())

    def performing(self) -> DjangoStore:
        return self

    def block_depth(self, mark: leftovers.Mark) -> int:
        return len(self.connection.atomic_blocks)

    def holds_connection(self, mark: leftovers.Mark) -> bool:
        return False  # each thread has its own, and none waits for another's

    def on_commit(self, callback: Callable[[], object]) -> None:
        connection = self.connection
        if not connection.in_atomic_block and not connection.get_autocommit():
            return  # a transaction by hand, of whose commit Django hears nothing: workers look within a second anyway
        transaction.on_commit(callback, using=self.alias, robust=True)

    def when_committed(self, callback: Callable[[], object]) -> None:
        self.on_commit(callback)  # a thread of Django's has a connection of its own, and is no event loop's

    def call_here(self, function: Callable[[], T]) -> T:
        return function()

    def mark(self, journey: Any) -> leftovers.Mark:
        return leftovers.mark(self.connection)

    def leave(self, mark: leftovers.Mark) -> None:
        """Connections stay open for the next."""

    def tidy(self, mark: leftovers.Mark, *, commit: bool) -> None:
        leftovers.leave_blocks(self.connection, mark, commit=commit)
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block or connection.connection is None:
                continue
            leftovers.end_transaction(connection, commit=commit)
            if connection.errors_occurred or _is_old(connection):
                connection.close_if_unusable_or_obsolete()

    def let_go(self) -> None:
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.errors_occurred = True  # so that it is tried out, and closed if it is dead
                connection.close_if_unusable_or_obsolete()

    def retire(self) -> None:
        if not self.connection.in_atomic_block and _is_old(self.connection):
            self.connection.close()

    def close(self) -> None:
        connections.close_all()

    def notify(self) -> None:
        if not self.connection.in_atomic_block:
            notify(self.connection)

    # ------------------------------------------------------------------------------------------------ async

    def wait_here(self, awaitable: Awaitable[Any]) -> Any:
        return async_to_sync(_await)(awaitable)

    def in_its_thread(self, function: Callable[[], Any]) -> Awaitable[Any]:
        return sync_to_async(function)()

    def loop_for(self, worker: LoopThread) -> LoopThread:
        return worker

    def awaited(self, awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
        return threads.in_a_thread_of_its_own(awaitable, lambda commit: self.tidy(NOTHING, commit=commit), self.let_go)

    def close_awaited(self) -> None:
        threads.end_all()

    # ----------------------------------------------------------------------------------------------- errors

    def is_transient(self, error: BaseException) -> bool:
        return self.django.is_transient(error)

    def is_disconnect(self, error: BaseException) -> bool:
        return self.django.is_disconnect(error)


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _is_stricter(level: object) -> bool:
    if isinstance(level, str):
        return level.lower() in ("repeatable read", "serializable")
    return level is not None and int(level) in (3, 4)  # type: ignore[call-overload]  # psycopg's numbers


def _is_old(connection: Any) -> bool:
    if connection.close_at is None:
        return False
    at_request = connection.settings_dict["CONN_MAX_AGE"] == 0
    return bool(monotonic() >= connection.close_at + (LONGEST_CONNECTION if at_request else 0))
