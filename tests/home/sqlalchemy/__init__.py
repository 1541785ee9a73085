"""The home of the row is SQLAlchemy, with a sync or an async driver: what the tests of the semantics say, in its terms."""

# ruff: noqa: F401  # the words of the tests: tests/home/__init__.py hands them on

from sqlalchemy.exc import IntegrityError, OperationalError

from stepper_motor.sqlalchemy import UnknownHero
from tests.home.sqlalchemy.classes import forget, forget_journeys_of_a_test
from tests.home.sqlalchemy.errors import (
    CUT,
    NOT_STARTED,
    CheckViolation,
    ConnectionLost,
    DatabaseError,
    NotJson,
    RowGone,
    transient_error,
)
from tests.home.sqlalchemy.models import (
    Account,
    Country,
    Customer,
    Drip,
    Journey,
    OrderLine,
    Payment,
    PaymentJourney,
    Profile,
    Spy,
    ThreeSteps,
)
from tests.home.sqlalchemy.past_the_engine import execute, one_more, put, put_all, put_behind, statements
from tests.home.sqlalchemy.places import database, run, run_anew, spawned
from tests.home.sqlalchemy.records import (
    adopted,
    afound,
    areload,
    astart,
    columns_of,
    create,
    create_many,
    delete,
    found,
    hero_type_of,
    mine,
    reload,
    save,
    start,
    table_of,
)
from tests.home.sqlalchemy.selections import (
    acount,
    among,
    astart_for,
    count,
    heroes_off,
    heroes_on,
    joined,
    none_of,
    only,
    start_for,
    these,
)
from tests.home.sqlalchemy.sessions import a_test, configured, in_transaction, motor, on_its_own, rolled_back
from tests.home.sqlalchemy.steps import (
    LEFT_OPEN,
    atell,
    block,
    close_connection,
    connection_number,
    cut_connection,
    depth,
    doomed_block,
    in_a_transaction,
    in_thread,
    leave_cursor_open,
    lose_connection,
    opens_a_block,
    opens_a_transaction,
    opens_none_but_adds,
    opens_one_by_sql,
    opens_two_blocks,
    ruined,
    spoil_block,
    tell,
    words,
)
