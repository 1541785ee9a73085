"""What steps of the tests do: they tell words, open transactions and leave them, and lose their connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from tests import databases
from tests.home.connection_number import CONNECTION_NUMBER
from tests.home.django.past_the_engine import execute
from tests.shop.models import Spy


def tell(journey: Any, word: str, **columns: Any) -> None:
    """Something that the step of this journey leaves in the database."""
    Spy.objects.create(journey_id=str(journey.pk), word=word, **columns)


async def atell(journey: Any, word: str) -> None:
    await Spy.objects.acreate(journey_id=str(journey.pk), word=word)


def words(*, inside: Any = None) -> list[str]:
    """What steps have left there, in order."""
    return list(Spy.objects.order_by("id").values_list("word", flat=True))


def block(journey: Any) -> Any:
    """A transaction block that a step opens."""
    return transaction.atomic()


def doomed_block(journey: Any) -> Any:
    """One that is rolled back as soon as anything in it raises, whoever catches that."""
    return transaction.atomic(savepoint=False)


def opens_a_transaction(journey: Any) -> None:
    """A body that opens a transaction, writes, and leaves it open."""
    transaction.set_autocommit(False)
    tell(journey, "left open")


def opens_one_by_sql(journey: Any) -> None:
    execute("BEGIN")
    execute("INSERT INTO shop_spy (journey_id, word, at) VALUES ('', 'after a BEGIN', '2030-01-01')")


def opens_a_block(journey: Any) -> None:
    journey.block = transaction.atomic()
    journey.block.__enter__()
    tell(journey, "in a block")


def opens_two_blocks(journey: Any) -> None:
    opens_a_block(journey)
    journey.inner = transaction.atomic()
    journey.inner.__enter__()
    tell(journey, "in an inner block")


LEFT_OPEN = [opens_a_transaction, opens_one_by_sql, opens_a_block, opens_two_blocks]


def spoil_block(journey: Any) -> None:
    """Nothing but a rollback can end the block that the step has opened."""
    transaction.set_rollback(True)


def lose_connection(journey: Any) -> None:
    """The step's connection goes, and its transaction with it."""
    connection.close()


def cut_connection(journey: Any) -> None:
    """The driver's connection goes, and the ORM is not told."""
    connection.connection.close()


def connection_number(journey: Any) -> int:
    """By what number the server knows the step's connection."""
    ((number,),) = execute(CONNECTION_NUMBER[databases.chosen()])
    return int(number)


def leave_cursor_open(journey: Any) -> Iterator[Any]:
    """What steps told, read piece by piece."""
    return Spy.objects.order_by("id").iterator(chunk_size=1)


def close_connection(journey: Any = None) -> None:
    """Close the connection that the step uses."""
    connection.close()
