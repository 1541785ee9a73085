"""The servers that a demo on a job queue needs: PostgreSQL, and for Celery RabbitMQ.

Each is looked for where STEPPER_MOTOR_POSTGRESQL_URL and STEPPER_MOTOR_RABBITMQ_URL point, else at its usual port on
this machine. Where nothing answers there and its programs are installed, a private one is started, and removed at the
end. On a server that was there before, the demo has a database and a queue of its own, and leaves neither behind.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

sys.path.append(str(Path(__file__).resolve().parents[3]))  # The repository, whose tests need servers as well.

from tests import databases
from tools.brokers import RabbitMQ, running
from tools.services import Missing, PostgreSQL, reached

RABBITMQ_VARIABLE = "STEPPER_MOTOR_RABBITMQ_URL"
RABBITMQ_URL = "amqp://guest:guest@127.0.0.1:5672//"


@contextmanager
def servers_for(queue: str) -> Iterator[None]:
    """Tells the shop's settings, through the environment, what it runs on, as long as the block lasts.

    Raises:
        SystemExit: a server can't be reached or started. The text says why, and how to get it.
    """
    name = f"stepper_motor_shop_{os.getpid()}_{secrets.token_hex(3)}"
    os.environ["SHOP_QUEUE"] = queue
    with ExitStack() as servers:
        try:
            servers.enter_context(_database(name))
            if queue == "celery":
                servers.enter_context(_broker(name))
        except Missing as missing:
            sys.exit(str(missing))
        yield


@contextmanager
def _database(name: str) -> Iterator[None]:
    with reached("postgresql") as sentence:
        print(sentence, flush=True)
        PostgreSQL().query(f'CREATE DATABASE "{name}"')
        try:
            server = databases.server("postgresql")
            account = f"{quote(server.user, safe='')}:{quote(server.password, safe='')}"
            os.environ["SHOP_DATABASE_URL"] = f"postgresql://{account}@{server.host}:{server.port}/{name}"
            yield
        finally:
            PostgreSQL().drop(name)


@contextmanager
def _broker(name: str) -> Iterator[None]:
    with _rabbitmq() as url:
        os.environ |= {"SHOP_BROKER_URL": url, "SHOP_BROKER_QUEUE": name}
        try:
            yield
        finally:
            _clear(url, name)


@contextmanager
def _rabbitmq() -> Iterator[str]:
    """The address of one."""
    named = os.environ.get(RABBITMQ_VARIABLE)
    problem = _why_unreachable(named or RABBITMQ_URL)
    if problem is None:
        print(f"RabbitMQ {f'where {RABBITMQ_VARIABLE} says' if named else 'at its usual port'}", flush=True)
        yield named or RABBITMQ_URL
    elif named:
        raise Missing(f"{RABBITMQ_VARIABLE} names a RabbitMQ that can't be reached: {problem}")
    elif not RabbitMQ.program():
        raise Missing(
            f"RabbitMQ can't be reached ({problem}) and isn't installed.\nGet it with apt-get install rabbitmq-server "
            f"(Debian, Ubuntu) or brew install rabbitmq, or name yours: {RABBITMQ_VARIABLE}=amqp://user:password@host//"
        )
    else:
        with ExitStack() as servers:
            try:
                broker = servers.enter_context(running(RabbitMQ))
            except AssertionError as error:
                raise Missing(f"a private RabbitMQ did not start: {error}") from error
            print(f"RabbitMQ, a private one ({problem})", flush=True)
            yield broker.url


def _why_unreachable(url: str) -> str | None:
    from kombu import Connection

    try:
        with Connection(url, connect_timeout=5) as connection:
            connection.connect()
    except Exception as error:  # each layer has errors of its own, and any of them means: not here
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _clear(url: str, name: str) -> None:
    """Removes what Celery declares under the shop's name, and leaves there."""
    from kombu import Connection

    with Connection(url, connect_timeout=5) as connection, suppress(*connection.connection_errors):
        connection.default_channel.queue_delete(name)
        for exchange in (name, f"{name}.events", f"{name}.pidbox", f"reply.{name}.pidbox"):
            connection.default_channel.exchange_delete(exchange)
