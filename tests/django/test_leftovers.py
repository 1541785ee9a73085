"""What a body leaves open or ruined on its connection, and how the library ends it. SEMANTICS 4 and 10."""

from __future__ import annotations

import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from stepper_motor import Completed, Paused, Skipped, State, step
from stepper_motor.django import Journey
from tests.django.seen import found, last_entry, row_of, told
from tests.shop.models import Customer, Spy

pytestmark = pytest.mark.django_db(transaction=True)


def leaving(body, **options):
    class Leaving(Journey[Customer]):
        work = step(body, name="work", **options)
        more = step(lambda self: None, name="more")

    return Leaving


def tell(word):
    Spy.objects.create(word=word)


def words_seen_by_others():
    seen = []
    thread = threading.Thread(
        target=lambda: (seen.extend(Spy.objects.order_by("id").values_list("word", flat=True)), connections.close_all())
    )
    thread.start()
    thread.join(20)
    return seen


def switches_autocommit_off(self):
    transaction.set_autocommit(False)
    tell("without autocommit")


def begins_by_sql(self):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO shop_spy (journey_id, word, at) VALUES ('', 'after a BEGIN', '2030-01-01 00:00:00')")


def enters_a_block(self):
    self.block = transaction.atomic()
    self.block.__enter__()
    tell("in a block")


def enters_two_blocks(self):
    enters_a_block(self)
    self.inner = transaction.atomic()
    self.inner.__enter__()
    tell("in an inner block")


LEFT_OPEN = [switches_autocommit_off, begins_by_sql, enters_a_block, enters_two_blocks]


@pytest.fixture(autouse=True)
def _a_good_connection_at_the_end():
    yield
    assert connection.get_autocommit()
    assert not connection.in_atomic_block
    tell("usable")
    assert "usable" in words_seen_by_others()


@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_a_transaction_left_open_is_committed_on_a_normal_end(leave, customer):
    journey = leaving(leave).start(customer)
    assert journey.perform_next_step() == Completed()
    assert words_seen_by_others()
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "completed")])


@pytest.mark.allow_rolled_back_blocks
@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_and_on_a_verb(leave, customer):
    journey = leaving(lambda self: leave(self) or self.skip()).start(customer)
    assert journey.perform_next_step() == Skipped()
    assert words_seen_by_others()


@pytest.mark.parametrize("leave", LEFT_OPEN)
def test_and_rolled_back_on_an_exception(leave, customer):
    journey = leaving(lambda self: leave(self) or 1 / 0).start(customer)
    with pytest.raises(ZeroDivisionError):
        journey.perform_next_step()
    assert words_seen_by_others() == []
    assert (row_of(journey).state, told(journey)) == (State.PAUSED, [("work", "failed")])


def test_from_sync_code_within_an_async_body_too(customer):
    async def body(self):
        await sync_to_async(switches_autocommit_off)(self)

    assert leaving(body).start(customer).perform_next_step() == Completed()
    assert words_seen_by_others() == ["without autocommit"]


def test_a_condition_that_leaves_one_open(customer):
    journey = leaving(lambda self: None, skip_if=lambda self: switches_autocommit_off(self) or True).start(customer)
    assert journey.perform_next_step() == Skipped()
    assert words_seen_by_others() == ["without autocommit"]


def test_a_hook_that_leaves_one_open(customer):
    class Hooked(Journey[Customer]):
        @step
        def work(self):
            return Paused("look")

        def after_pause(self):
            switches_autocommit_off(self)

    journey = Hooked.start(customer)
    journey.perform_next_step()
    assert words_seen_by_others() == ["without autocommit"]


@pytest.mark.only_on("postgresql")
def test_a_commit_that_fails_is_the_step_raising(customer):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE deferred_words (word text UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    def body(self):
        transaction.set_autocommit(False)
        tell("together with it")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO deferred_words VALUES ('twice'), ('twice')")

    journey = leaving(body, on_exception="skip").start(customer)
    try:
        with pytest.raises(IntegrityError, match="deferred_words"):
            journey.perform_next_step()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE deferred_words")
    assert words_seen_by_others() == []
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "failed")])


# ---------------------------------------------------------------------------------------------- ruined connections


def ruins_a_transaction(self):
    transaction.set_autocommit(False)
    tell("lost with the rest")
    with connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")


def test_a_connection_left_unusable_is_rolled_back_and_settled_on_a_clean_one(customer):
    journey = leaving(ruins_a_transaction).start(customer)
    with pytest.raises(DatabaseError, match=r"nonsense|nowhere"):
        journey.perform_next_step()
    assert words_seen_by_others() == []
    assert (row_of(journey).state, told(journey)) == (State.PAUSED, [("work", "failed")])


def test_a_block_that_was_broken_and_left_open(customer):
    def body(self):
        enters_a_block(self)
        transaction.set_rollback(True)
        raise OSError("gave up")

    journey = leaving(body).start(customer)
    with pytest.raises(OSError, match="gave up"):
        journey.perform_next_step()
    assert words_seen_by_others() == []
    assert told(journey) == [("work", "failed")]


def test_a_body_that_closes_the_connection(customer):
    def body(self):
        tell("before")
        connection.close()

    journey = leaving(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert words_seen_by_others() == ["before"]


def test_a_body_that_closes_it_under_a_transaction(customer):
    def body(self):
        transaction.set_autocommit(False)
        tell("before")
        connection.connection.close()

    journey = leaving(body, on_exception="skip").start(customer)
    with pytest.raises(Exception, match=r"(?i)clos"):
        journey.perform_next_step()
    assert words_seen_by_others() == []
    assert (row_of(journey).next_step_name, told(journey)) == ("more", [("work", "failed")])


@pytest.mark.only_on("postgresql", "mariadb")
@pytest.mark.parametrize("swallows", [True, False])
def test_a_connection_that_the_server_ends_under_a_body(swallows, customer):
    def body(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()" if connection.vendor == "mysql" else "SELECT pg_backend_pid()")
            (number,) = cursor.fetchone()
        kill(number)
        try:
            tell("on a dead connection")
        except DatabaseError:
            if not swallows:
                raise

    journey = leaving(body, on_exception="skip").start(customer)
    if swallows:
        assert journey.perform_next_step() == Completed()
    else:
        with pytest.raises(DatabaseError):
            journey.perform_next_step()
    assert (row_of(journey).next_step_name, len(told(journey))) == ("more", 1)


def kill(number):
    def run():
        with connection.cursor() as cursor:
            cursor.execute(f"KILL {number}" if connection.vendor == "mysql" else f"SELECT pg_terminate_backend({number})")
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)


def test_an_open_cursor_is_no_obstacle(customer):
    def body(self):
        for word in ("one", "two", "three"):
            tell(word)
        self.iterator = Spy.objects.order_by("id").iterator(chunk_size=1)
        self.data["first"] = next(self.iterator).word

    journey = leaving(body).start(customer)
    assert journey.perform_next_step() == Completed()
    assert found(journey).data == {"first": "one"}
    assert last_entry(journey).outcome == "completed"


# ------------------------------------------------------------------------------------- inside the transaction of a test


@pytest.mark.django_db(transaction=False)
class TestWithinATest:
    @pytest.fixture(autouse=True)
    def _a_good_connection_at_the_end(self):
        yield
        assert not connection.needs_rollback
        Spy.objects.create(word="usable")

    def test_a_failing_statement_does_not_ruin_the_test(self, customer):
        def body(self):
            Spy.objects.create(id=7, word="one")
            Spy.objects.create(id=7, word="two")

        journey = leaving(body, on_exception="skip").start(customer)
        with pytest.raises(IntegrityError):
            journey.perform_next_step()
        assert (journey.next_step_name, told(journey)) == ("more", [("work", "failed")])

    def test_nor_does_one_that_the_body_swallowed(self, customer):
        def body(self):
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT nonsense FROM nowhere")
            except DatabaseError:
                pass

        journey = leaving(body).start(customer)
        assert journey.perform_next_step() == Completed()
        assert told(journey) == [("work", "completed")]

    def test_nor_a_block_that_is_to_be_rolled_back(self, customer):
        def body(self):
            with transaction.atomic(savepoint=False):
                tell("lost")
                raise OSError("gave up")

        journey = leaving(body).start(customer)
        with pytest.raises(OSError, match="gave up"):
            journey.perform_next_step()
        assert (told(journey), Spy.objects.count()) == ([("work", "failed")], 0)

    def test_a_block_left_open_is_closed(self, customer):
        depth = len(connection.atomic_blocks)
        journey = leaving(enters_two_blocks).start(customer)
        assert journey.perform_next_step() == Completed()
        assert len(connection.atomic_blocks) == depth
        assert Spy.objects.count() == 2

    def test_an_atomic_step_rolls_back_its_own_writes_alone(self, customer):
        tell("before")
        journey = leaving(lambda self: tell("inside") or 1 / 0, atomic=True).start(customer)
        with pytest.raises(ZeroDivisionError):
            journey.perform_next_step()
        assert [spy.word for spy in Spy.objects.all()] == ["before"]
        assert told(journey) == [("work", "failed")]
