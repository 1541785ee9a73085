"""The home of the row is Django: what the tests of the semantics say, in its ORM."""

# ruff: noqa: F401  # the words of the tests: tests/home/__init__.py hands them on

import django
from django.apps import apps

if not apps.ready:  # in a process that a test started
    django.setup()

from django.db import DatabaseError, IntegrityError, OperationalError

from stepper_motor.django import Journey, motor
from stepper_motor.django.heroes import UnknownHero
from tests.home.django.errors import CUT, NOT_STARTED, CheckViolation, ConnectionLost, NotJson, RowGone, transient_error
from tests.home.django.past_the_engine import execute, one_more, put, put_all, put_behind, statements
from tests.home.django.records import (
    adopted,
    afound,
    areload,
    astart,
    astart_for,
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
    start_for,
    table_of,
)
from tests.home.django.running import (
    a_test,
    configured,
    database,
    forget,
    forget_journeys_of_a_test,
    in_thread,
    run,
    run_anew,
    spawned,
)
from tests.home.django.selections import acount, among, count, heroes_off, heroes_on, joined, none_of, only, these
from tests.home.django.steps import (
    LEFT_OPEN,
    atell,
    block,
    close_connection,
    connection_number,
    cut_connection,
    doomed_block,
    leave_cursor_open,
    lose_connection,
    opens_a_block,
    opens_a_transaction,
    opens_one_by_sql,
    opens_two_blocks,
    spoil_block,
    tell,
    words,
)
from tests.home.django.transactions import depth, in_a_transaction, in_transaction, on_its_own, rolled_back, ruined
from tests.shop.journeys import Drip, ThreeSteps
from tests.shop.models import Account, Country, Customer, OrderLine, Payment, PaymentJourney, Profile, Spy
