"""Ten million waiting journeys on PostgreSQL: what each thing that the library does takes beside them.

    python -m benchmarks.ten_million                      10,000,000 rows: some 15 minutes and 8 GB of disk
    python -m benchmarks.ten_million --rows 1000000

The rows are written in bare SQL, with the indexes in place, as if they had come over months: half of them wait at each
of two steps, due within the next 180 days, one in ten thousand is paused. Everything after that is done by the library.
Each line tells how long something took, and which of its statements reads the whole table, if one does. The database
is the benchmark's own, and is dropped at the end.
"""

# ruff: noqa: E402  # Django has to be set up before models are imported

from __future__ import annotations

import argparse
import io
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("STEPPER_MOTOR_DATABASE", "postgresql")

import django

django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.backends.signals import connection_created
from django.test import Client
from django.test.runner import DiscoverRunner

from stepper_motor import now
from stepper_motor.django import Journey, motor
from stepper_motor.django.engine import motor_of_types
from stepper_motor.motor.housekeeping import Housekeeper
from stepper_motor.motor.worker import Worker
from tests.shop.journeys import Drip, NoOp
from tests.shop.models import Customer

TABLE = "stepper_motor_journeys"
AT_ONCE = 500_000
"""Rows written by one statement."""
HEROES = 20_000
"""Customers there are; the heroes of most journeys are numbers that nobody has, which costs the tables the same."""

FILL = """
INSERT INTO stepper_motor_journeys (
  type, state, hero_type, hero_id, allow_multiple, key, previous_step_name, next_step_name,
  next_step_to_be_performed_at, attempts, failures, losses, round, steps_entered, steps_completed, fence, arrived_at,
  data, created_at, updated_at, reason)
SELECT 'shop.Drip', CASE WHEN n %% 10000 = 0 THEN 'paused' ELSE 'ready' END, 'shop_customer', n::text, false, '',
  CASE WHEN n %% 2 = 0 THEN 'welcome' ELSE 'remind' END, CASE WHEN n %% 2 = 0 THEN 'remind' ELSE 'farewell' END,
  now() + interval '1 day' + random() * interval '179 days', 0, 0, 0, 0, 1 + n %% 2, 1 + n %% 2,
  md5(random()::text || n), now(), '{}', now(), now(), CASE WHEN n %% 10000 = 0 THEN 'waits for legal' END
FROM generate_series(%s, %s) AS n
"""
END = """
UPDATE stepper_motor_journeys SET state = 'finished', next_step_name = NULL, next_step_to_be_performed_at = NULL,
  ended_at = now() - interval '40 days' WHERE id BETWEEN %s AND %s
"""
TELL = """
INSERT INTO stepper_motor_history (journey_id, step_name, attempt, outcome, state, started_at, finished_at)
SELECT id, step, 1, 'completed', 'ready', now(), now() FROM stepper_motor_journeys,
  unnest(ARRAY['welcome', 'remind', 'farewell']) AS step WHERE id BETWEEN %s AND %s
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ten_million", description=(__doc__ or "")[:70])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--many", type=int, default=100_000, help="rows of a bulk verb, and to be deleted")
    options = parser.parse_args()
    runner = DiscoverRunner(verbosity=0)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    try:
        _fill(options.rows)
        _size(options.rows)
        for measure in (_idle, _work, _start, _look, _admin, _command):
            print(f"\n{(measure.__doc__ or '').rstrip('.')}")
            measure()
        print("\nMany at once")
        _many(options.many)
    finally:
        runner.teardown_databases(databases)
        runner.teardown_test_environment()
    return 0


# ------------------------------------------------------------------------------------------------------ the rows


def _fill(rows: int) -> None:
    print(f"Python {platform.python_version()}, Django {django.__version__}, {os.cpu_count()} cores")
    print("; ".join(f"{name} {_ask(f'SHOW {name}')}" for name in ("server_version", "shared_buffers", "work_mem")))
    began = perf_counter()
    for first in range(1, rows + 1, AT_ONCE):
        _sql(FILL, first, min(first + AT_ONCE - 1, rows))
    took = perf_counter() - began
    Customer.objects.bulk_create([Customer(name=str(n)) for n in range(HEROES)], batch_size=5000)
    _sql(f"SELECT setval(pg_get_serial_sequence('{TABLE}', 'id'), %s)", rows)
    began = perf_counter()
    _sql("VACUUM ANALYZE")
    print(f"{rows:,} rows written in {took:,.0f} s, VACUUM ANALYZE {perf_counter() - began:,.0f} s")


def _size(rows: int) -> None:
    _line("table and indexes", f"{_bytes('pg_total_relation_size', TABLE)}, {_total() / rows:.0f} bytes a row")
    _line("the table alone", _bytes("pg_table_size", TABLE))
    for name in _column("SELECT indexname FROM pg_indexes WHERE tablename = %s ORDER BY 1", TABLE):
        _line(name, _bytes("pg_relation_size", name))


def _total() -> int:
    return int(_ask("SELECT pg_total_relation_size(%s)", TABLE))


def _bytes(function: str, name: str) -> str:
    return str(_ask(f"SELECT pg_size_pretty({function}(%s::regclass))", name))


# -------------------------------------------------------------------------------------------------- what is measured


def _idle() -> None:
    """What a worker asks while nothing is due."""
    store, narrow = motor().stores[0], motor_of_types(["shop.NoOp"]).stores[0]
    _time("when is the next due?", store.next_due, times=5)
    _time("the same with --types, of a type that has no journey", narrow.next_due, times=5)
    _time("claim, nothing due", lambda: store.claim_due(200, "benchmark"), times=5)
    _time("whose lease is over?", lambda: store.expired(200), times=5)
    _time("what has ended?", lambda: store.ended(["shop.Drip"], now() - timedelta(days=30), 200), times=5)
    _time("which tickets are to be handed over?", lambda: store.hand_over(timedelta(minutes=10), 200), times=5)


def _work() -> None:
    """A thousand journeys of three steps that are due."""
    store = motor().stores[0]
    NoOp.objects.bulk_create([NoOp() for _ in range(1000)])
    claims = []
    _time("claim 200 of them", lambda: claims.append(store.claim_due(200, "benchmark")))
    _time("how many are due", lambda: Journey.objects.due().count())
    _sql(f"UPDATE {TABLE} SET state = 'ready', performed_by = NULL, lease_expires_at = NULL "
         "WHERE performed_by = 'benchmark'")  # fmt: skip
    _time("perform all 3,000 steps, one worker", lambda: Worker(motor()).run(once=True))
    assert NoOp.objects.finished().count() == 1000


def _start() -> None:
    """Starting."""
    customers = list(Customer.objects.order_by("-pk")[:200])
    _time("one journey with a hero", lambda: NoOp.start(customers.pop(), at=now() + timedelta(days=9)), times=100)
    _time("start_for() 10,000 heroes", lambda: NoOp.start_for(Customer.objects.order_by("pk")[:10_000], at=_later()))
    _time("start_for() them again: all are on it", lambda: NoOp.start_for(Customer.objects.order_by("pk")[:10_000]))
    _sql("ANALYZE stepper_motor_journeys")


def _look() -> None:
    """What an app asks."""
    hero = Customer.objects.first()
    _time("a hero's journeys", lambda: list(Journey.objects.for_hero(hero)), times=20)
    _time("the oldest that is due", lambda: Journey.objects.due().order_by("next_step_to_be_performed_at").first())
    _time("how many are lost", lambda: Journey.objects.lost().count(), times=5)
    _time("how many are paused", lambda: Journey.objects.paused().count())
    _time("how many there are of one class", lambda: Drip.objects.count())


def _admin() -> None:
    """Pages of the admin."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada", "ada@mail.example"))
    page = "/admin/stepper_motor/journey/"
    pages = ("", "?state__exact=ready", "?state__exact=paused", "?state__exact=finished", "?attention=overdue",
             "?attention=lost", "?attention=unknown", "?type=shop.Drip", "?type=shop.NoOp", "?step=farewell", "?q=4711",
             "?q=customer+4711", "?p=150", "4711/change/")  # fmt: skip

    def get(path: str) -> None:
        assert client.get(path).status_code == 200, path

    get(page)
    for path in pages:
        _time(path or "the list", lambda path=page + path: get(path))


def _command() -> None:
    """Commands."""
    commands = ("types", "doctor", "housekeep", "list", "list --due", "list --state paused", "list --state performing",
                "list --type shop.Drip --order due", "list --type shop.Rare", "list --step farewell",
                "list --step nowhere", "list --hero shop_customer:4711", "list --hero 4711", "show 4711")  # fmt: skip
    for command in commands:
        _time(command, lambda command=command: _run(command))


def _run(command: str) -> None:
    try:
        call_command("stepper_motor", *command.split(), stdout=io.StringIO())
    except SystemExit as ended:
        if ended.code:
            raise


def _many(many: int) -> None:
    chosen = Drip.objects.filter(pk__lte=many)
    _time(f"pause {many:,}", lambda: chosen.pause("a moment"))
    _time(f"resume {many:,}", lambda: chosen.resume())
    _time("dead rows then vacuumed by hand", lambda: _sql(f"VACUUM {TABLE}"))
    _sql(f"UPDATE {TABLE} SET next_step_to_be_performed_at = now() WHERE id <= %s AND state = 'ready'", many)
    narrow = motor_of_types(["shop.NoOp"]).stores[0]
    _time(f"when is the next due, with --types, behind {many:,} of others", narrow.next_due, times=5)
    _time("claim, with --types, behind them", lambda: narrow.claim_due(200, "benchmark"), times=5)
    _sql(END, 1, many)
    _sql("DELETE FROM stepper_motor_history")
    _sql(TELL, 1, many)
    _sql("VACUUM ANALYZE stepper_motor_journeys, stepper_motor_history")
    _time(f"delete {many:,} that have ended, with {3 * many:,} entries", Housekeeper(motor()).delete)
    assert not Journey.objects.filter(pk__lte=many).exists()


def _later() -> Any:
    return now() + timedelta(days=9)


# ------------------------------------------------------------------------------------------------------- measuring


def _time(name: str, call: Callable[[], object], times: int = 1) -> None:
    """The median of so many calls; then, which statements scan the table."""
    seconds = []
    with _heard() as statements:
        for _ in range(times):
            began = perf_counter()
            call()
            seconds.append(perf_counter() - began)
    scanned = sorted({scan for sql, params in statements.items() for scan in _scans(sql, params)})
    _line(name, f"{median(seconds) * 1000:,.1f} ms" + "".join(f"\n      {scan}" for scan in scanned))


@contextmanager
def _heard() -> Iterator[dict[str, Any]]:
    """The statements on the journeys that any connection sends within the block, with their last parameters."""
    statements: dict[str, Any] = {}

    def hear(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if TABLE in sql and not many:
            statements[sql] = params
        return execute(sql, params, many, context)

    def join(*, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(hear)

    connection_created.connect(join)
    try:
        with connection.execute_wrapper(hear):
            yield statements
    finally:
        connection_created.disconnect(join)


def _scans(sql: str, params: Any) -> Iterator[str]:
    """What its plan says of reading the whole table."""
    if sql.lstrip().split()[0] not in ("SELECT", "UPDATE", "WITH", "DELETE"):
        return
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", params)
        for (line,) in cursor.fetchall():
            if f"Scan on {TABLE}" in line and "Seq" in line:
                yield f"{line.strip(' ->')}: {sql[:140]}"


def _line(name: str, told: str) -> None:
    print(f"  {name:<55} {told}", flush=True)


def _sql(statement: str, *params: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)


def _column(statement: str, *params: object) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)
        return [row[0] for row in cursor.fetchall()]


def _ask(statement: str, *params: object) -> Any:
    return _column(statement, *params)[0]


if __name__ == "__main__":
    sys.exit(main())
