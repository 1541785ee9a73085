"""The database of a page's service, sync and async, as docs/sqlalchemy.md sets it up."""

import os

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from stepper_motor.sqlalchemy import sqlite

engine = create_engine(os.environ["DATABASE_URL"])
sqlite.configure(engine)
sessions = sessionmaker(engine)

async_engine = create_async_engine(os.environ["ASYNC_DATABASE_URL"])
sqlite.configure(async_engine)
async_sessions = async_sessionmaker(async_engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass
