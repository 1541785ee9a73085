"""Runs the tests in their environments, homes and databases, several at once, and ends with pytest's own summaries.

    python -m tools.matrix --environments .venv .venv-django-6.1 --databases sqlite postgresql mariadb -- -k claim
    python -m tools.matrix --environments .venv .venv-django-6.1 --all

Without `--all`, each home meets one database in each environment, another one everywhere, so that a run stays short.
With it every home meets every database in the first environment; in the others Django's does, and the rest one of them;
and the job queues are tested on brokers that the tests start and kill.

What is marked `pure` touches no database and runs once per environment. What is marked `processes` watches real
processes: in the first environment alone, and in a run of its own, since it waits more than it works.

An environment that was not made (no Python for it) and a server that is not there are skipped loudly; with CI=true a
missing server is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests import databases, homes
from tools.services import SERVICES, Missing, reached

SUMMARY = re.compile(
    r"(?:=+ )?(?:no tests ran|\d+ (?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?)\b.*)"
    r" in [\d.]+s\b.*"
)
FAILURE = re.compile(r"(?:FAILED|ERROR) \S+::.*")
COLOURS = re.compile(r"\x1b\[[\d;]*m")
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?)")
NO_TESTS = 5


@dataclass(frozen=True)
class Task:
    """One run of pytest: where, and which tests."""

    environment: str
    home: str
    database: str
    marks: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.environment}, {self.home} on {self.database}{self.part and f': {self.part}'}"


@dataclass(frozen=True)
class Run:
    """How it ended: the last line that pytest printed about it, and the tests that failed."""

    task: Task
    code: int
    summary: str
    failures: list[str]
    seconds: float

    def count(self, *outcomes: str) -> int:
        return sum(int(number) for number, outcome in COUNTS.findall(self.summary) if outcome in outcomes)


def main() -> None:
    wanted = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the `finally`s: they stop what was started
    with contextlib.ExitStack() as servers:
        there = [database for database in wanted.databases if is_there(database, servers)]
        made = [environment for environment in wanted.environments if is_made(environment)]
        if len(there) < len(wanted.databases) and in_ci():
            sys.exit("A database server is missing (see above), and CI=true makes that a failure.")
        runs = run_all(list(tasks(wanted, made, there)), wanted.pytest, wanted.jobs)
    report(runs, skipped=skipped(wanted, made, there))
    sys.exit(0 if succeeded(runs) else 1)


def tasks(wanted: argparse.Namespace, made: Sequence[str], there: Sequence[str]) -> list[Task]:
    """What is to be run, the longest first."""
    found: list[Task] = []
    for nth, environment in enumerate(made):
        is_first = nth == 0
        if wanted.all and "postgresql" in there and "django" in wanted.homes:
            which = "brokers" if is_first else "brokers and each_django"
            found.append(Task(environment, "django", "postgresql", which, "the job queues"))
        pure = True  # once
        for row, home in enumerate(wanted.homes):
            for database in choice(wanted, there, nth, row, home):
                marks = ["not brokers"] if pure else ["not brokers", "not pure"]
                pure = False
                if is_first and home == "django":
                    found.append(Task(environment, home, database, "processes and not brokers", "real processes"))
                if not is_first or home == "django":
                    marks.append("not processes")
                found.append(Task(environment, home, database, " and ".join(marks)))
    return sorted(found, key=lambda task: (not task.part, task.home != "django"))


def choice(wanted: argparse.Namespace, there: Sequence[str], nth: int, row: int, home: str) -> Sequence[str]:
    """The databases of this home, the `row`th, in the `nth` environment."""
    if not there:
        return []
    if not wanted.all:
        return [there[(1 + row - nth) % len(there)]]
    # In the others a server, where there is one: it is the drivers that differ.
    return there if nth == 0 or home == "django" else there[1:2] or there[:1]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--environments", nargs="+", required=True, help="folders of virtual environments")
    parser.add_argument("--databases", nargs="+", choices=databases.DATABASES, default=databases.DATABASES)
    parser.add_argument("--homes", nargs="+", choices=homes.HOMES, default=homes.HOMES, help="(default: all)")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 2), help="runs at once (default: 2)")
    parser.add_argument("--all", action="store_true", help="every home on every database, and the job queues")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    return parser.parse_args()


def is_there(database: str, servers: contextlib.ExitStack) -> bool:
    if database not in SERVICES:
        return True
    try:
        print(servers.enter_context(reached(database)), flush=True)
    except Missing as error:
        shout(f"SKIPPED: {database}. {error}")
        return False
    return True


def is_made(environment: str) -> bool:
    made = Path(environment, ".installed").exists()
    if not made:
        shout(f"SKIPPED: {environment}. It was not made: no Python for it was found on this machine.")
    return made


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true")


def run_all(tasks: Sequence[Task], options: Sequence[str], jobs: int) -> list[Run]:
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(lambda task: run(task, options, live=jobs == 1), tasks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise


RUNNING: set[subprocess.Popen[str]] = set()


def stop_all() -> None:
    """Ends what still runs when the tool itself is ended."""
    for process in tuple(RUNNING):
        process.terminate()


def run(task: Task, options: Sequence[str], *, live: bool) -> Run:
    """With others at once, the output comes in one piece at the end, so that it can be read."""
    print(f"\n##### {task}{'' if live else ' begins'}", flush=True)
    name = databases.new_name()
    command = [f"{task.environment}/bin/python", "-m", "pytest", *options, "-m", task.marks]
    if sys.stdout.isatty():
        command += ["--color=yes"]
    started = time.monotonic()
    try:
        code, lines = watch(
            command,
            live,
            STEPPER_MOTOR_HOME=task.home,
            STEPPER_MOTOR_DATABASE=task.database,
            STEPPER_MOTOR_DATABASE_NAME=name,
        )
    finally:
        drop_leftover(task.database, name)
    if not live:
        print(f"\n##### {task}\n{''.join(lines)}", flush=True)
    plain = [COLOURS.sub("", line).strip() for line in lines]
    summaries = [line for line in plain if SUMMARY.fullmatch(line)]
    summary = summaries[-1] if summaries else "no summary: pytest ended early"
    return Run(task, code, summary, list(filter(FAILURE.match, plain)), time.monotonic() - started)


def watch(command: Sequence[str], live: bool, **environment: str) -> tuple[int, list[str]]:
    """The exit code and the lines that it printed; when live, they are let through as well."""
    lines = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout is not None
        RUNNING.add(process)
        try:
            for line in process.stdout:
                if live:
                    print(line, end="", flush=True)
                lines.append(line)
        except BaseException:
            process.terminate()
            raise
        finally:
            RUNNING.discard(process)
    return process.returncode, lines


def drop_leftover(database: str, name: str) -> None:
    """Drops the test database of a run that could not: one that was killed, or that left a process behind."""
    if database in SERVICES:
        left = SERVICES[database].drop(name)
    else:
        left = databases.sqlite_file(name).exists()
        databases.sqlite_file(name).unlink(missing_ok=True)
        databases.remove_sqlite_traces(name)
    if left:
        shout(f"The run left its database {name} behind; it is dropped now.")


def skipped(wanted: argparse.Namespace, made: Sequence[str], there: Sequence[str]) -> list[str]:
    return [each for each in (*wanted.environments, *wanted.databases) if each not in (*made, *there)]


def succeeded(runs: Sequence[Run]) -> bool:
    """Every run passed. A selection of tests (`-k claim`) may leave one run without any, but not all."""
    codes = {each.code for each in runs}
    return 0 in codes and codes <= {0, NO_TESTS}


def report(runs: Sequence[Run], *, skipped: Sequence[str]) -> None:
    print("\n##### all runs")
    for each in runs:
        print(f"{each.task}, {each.seconds:.0f} s")
        print("\n".join([*each.failures, each.summary]))
    for name in skipped:
        print(f"*** SKIPPED: {name} (the reason stands above)")
    passed = sum(each.count("passed") for each in runs)
    failed = sum(each.count("failed", "error", "errors") for each in runs)
    print(f"total: {passed} passed, {failed} failed, {sum(each.count('skipped') for each in runs)} skipped", flush=True)


def shout(text: str) -> None:
    print("\n".join(f"*** {line}" for line in text.splitlines()), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
