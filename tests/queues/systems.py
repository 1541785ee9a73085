"""One job system, as the suite sees it: its broker, its queue in the test's process, and its workers."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from time import monotonic_ns
from typing import Any, TypeVar

from django.test import override_settings

from stepper_motor.motor.schedulers import ForwardScheduler, Queue
from tests.conditions import wait_until
from tests.queues.noting import QUEUE, NotedQueue
from tests.worker.processes import Process
from tools.brokers import Broker

AnySystem = TypeVar("AnySystem", bound="JobSystem")


class JobSystem(ABC):
    """What an adapter's test module says about its job system."""

    worker_queue: str
    """The dotted path of the queue, or of a function that makes it, for the worker's process (`tests.queues.x.queue`)."""
    keeps_delays = True
    """Whether it can be told when (a queue whose `max_delay` is 0 can't): else the sweep has to come by."""
    elsewhere: Mapping[str, Any]
    """Queue options that reach the job: the suite's worker must not get it, see `waiting_elsewhere`."""
    commits_with_the_app = False

    def __init__(self, folder: Path, broker: Broker | None = None) -> None:
        self.folder = folder
        self.broker = broker
        self.noted = NotedQueue(self.queue())
        self.workers: list[QueueWorker] = []
        """Those that were started, but for those that the test has killed, or that `works` found dead."""

    # --------------------------------------------------------------------------------- said by the adapter

    @abstractmethod
    def queue(self) -> Queue:
        """The queue of the test's own process."""

    @abstractmethod
    def worker_arguments(self) -> list[str]:
        """What follows `python -m` to start a worker."""

    @abstractmethod
    def is_at_work(self, output: str) -> bool:
        """Whether a worker that printed this is ready to perform."""

    def environment(self) -> Mapping[str, str]:
        """Of worker processes: what leads them to the broker."""
        return {}

    @abstractmethod
    def enqueue_sweep(self) -> None:
        """Have a worker run the adapter's sweep once, as the job system's own timer would."""

    @abstractmethod
    def waiting_elsewhere(self) -> int:
        """How many jobs with the options `elsewhere` wait; they go with this question."""

    def eager(self) -> AbstractContextManager[Any] | None:
        """Within the block, the job system's eager or test mode in this process; None: it has none."""
        return None

    def rests(self) -> None:
        """Wait until no worker has a job in hand, where that is a row, which goes with the test."""
        return  # most keep their jobs elsewhere

    # ---------------------------------------------------------------------------------------- for the suite

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within the block the motor of this process hands tickets to it."""
        with override_settings(STEPPER_MOTOR={"SCHEDULER": ForwardScheduler(self.noted)}):
            yield

    def told(self) -> dict[str, str]:
        """The environment of every process that has to do with it."""
        return {"DJANGO_SETTINGS_MODULE": "tests.queues.settings", QUEUE: self.worker_queue, **self.environment()}

    def start(self, *more: str, **environment: str) -> QueueWorker:
        """A worker process that is ready to perform."""
        log = self.folder / f"worker {monotonic_ns()}.log"
        worker = QueueWorker([*self.worker_arguments(), *more], log, {**self.told(), **environment})
        self.workers.append(worker)
        ready = lambda: self.is_at_work(worker.output) or worker.status is not None  # noqa: E731
        wait_until(ready, limit=60, what=f"a worker is ready:\n{worker.log}")
        assert worker.status is None, worker.output
        return worker

    def works(self) -> None:
        """As a service manager does: have a worker, whatever became of those before."""
        self.workers = [worker for worker in self.workers if worker.status is None]
        if not self.workers:
            self.start()

    def kill_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.workers.clear()

    @property
    def output(self) -> str:
        """What its living workers printed."""
        return "\n".join(worker.output for worker in self.workers)


@contextmanager
def at_work(system: AnySystem) -> Iterator[AnySystem]:
    """The system, with a worker; at the end of the block there is none left."""
    try:
        system.start()
        yield system
    finally:
        system.kill_workers()


class QueueWorker(Process):
    """A worker of a job system, in a process group of its own, with whatever processes it started."""

    def __init__(self, arguments: list[str], log: Path, environment: Mapping[str, str]) -> None:
        super().__init__(arguments, log, environment, process_group=0)

    def kill(self) -> None:
        """As a power failure would: with all its descendants, wherever they went."""
        if self.status is None:
            family = [self.pid, *descendants(self.pid)]
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        super().kill()


def descendants(pid: int) -> list[int]:
    """The process ids of its children, and of theirs."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listed.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found
