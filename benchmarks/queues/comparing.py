"""The variants of each job system, in turns, and what came of them."""

from __future__ import annotations

import statistics
from argparse import Namespace
from functools import partial
from typing import Any

from benchmarks.queues.journeys import AtomicFulfilment, Fulfilment
from benchmarks.queues.measuring import (
    STEPS,
    Measured,
    Variant,
    Workers,
    journeys_are_done,
    measure,
    orders_are_done,
)  # fmt: skip
from benchmarks.queues.models import Order
from tests.queues.systems import QueueWorker

BARE, CAREFUL = "by hand, bare", "by hand, with a status"
JOURNEYS, ATOMIC, BY_STEP = "journeys", "journeys, atomic steps", "journeys, a ticket a step"


def compare(options: Namespace) -> None:
    system: Any = _on_celery if options.system == "celery" else _on_django_tasks
    workers, module = system()
    chosen = [each for each in _variants(module) if not options.only or each.name in options.only]
    found: dict[str, list[Measured]] = {variant.name: [] for variant in chosen}
    for _ in range(options.runs):
        for variant in chosen:
            found[variant.name].append(measure(variant, workers, options.journeys))
    _print(found, options.journeys)


def _variants(module: Any) -> list[Variant]:
    plain, atomic = (partial(_start_journeys, cls) for cls in (Fulfilment, AtomicFulfilment))
    return [
        Variant(JOURNEYS, plain, journeys_are_done),
        Variant(BARE, partial(_start_each, module.start_bare), orders_are_done),
        Variant(ATOMIC, atomic, journeys_are_done),
        Variant(CAREFUL, partial(_start_each, module.start_with_status), orders_are_done),
        Variant(BY_STEP, plain, journeys_are_done, {"BENCHMARK_STEPS_A_TICKET": "1"}),
    ]


def _start_journeys(cls: Any) -> None:
    cls.start_for(Order.objects.all())


def _start_each(start: Any) -> None:
    for key in Order.objects.values_list("pk", flat=True):
        start(key)


def _on_celery() -> tuple[Workers, Any]:
    from benchmarks.queues import on_celery

    arguments = ["celery", "-A", on_celery.__name__, "worker", "--concurrency", "2"]
    return Workers(arguments, 1, lambda _: bool(on_celery.app.control.ping(timeout=0.5))), on_celery


def _on_django_tasks() -> tuple[Workers, Any]:
    from benchmarks.queues import on_django_tasks

    arguments = ["django", "db_worker", "--interval", "0.05", "--no-startup-delay"]
    return Workers(arguments, 2, _says_it_starts), on_django_tasks


def _says_it_starts(worker: QueueWorker) -> bool:
    return "Starting worker" in worker.output


def _print(found: dict[str, list[Measured]], count: int) -> None:
    print(f"\n{count:,} flows of {STEPS} steps, medians of {len(next(iter(found.values())))} runs")
    print(f"{'':28}{'seconds':>9}{'flows/s':>9}{'starting':>10}{'CPU ms a flow: workers':>24}{'starting':>10}")
    for name, runs in found.items():
        seconds = statistics.median(run.seconds for run in runs)
        working = statistics.median(run.working_cpu for run in runs) / count * 1000
        starting_cpu = statistics.median(run.starting_cpu for run in runs) / count * 1000
        starting = statistics.median(run.starting for run in runs)
        print(f"{name:28}{seconds:9.2f}{count / seconds:9.0f}{starting:10.2f}{working:24.2f}{starting_cpu:10.2f}")
        print(f"{'':28}  each run: {', '.join(f'{run.seconds:.2f}' for run in runs)}")
    for ours in (JOURNEYS, ATOMIC, BY_STEP):
        for theirs in (BARE, CAREFUL):
            if ours in found and theirs in found:
                # Of runs that came one after the other: the machine's load changes over time.
                pairs = zip(found[ours], found[theirs], strict=True)
                ratio = statistics.median(hand.seconds / journeys.seconds for journeys, hand in pairs)
                print(f"{ours}: {ratio:.2f} times as fast as {theirs}")
