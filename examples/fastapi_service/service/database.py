"""The service's database: its engine, its sessions, and the base of what it stores."""

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from service.settings import DATABASE_URL
from stepper_motor.sqlalchemy import sqlite

engine = create_async_engine(DATABASE_URL)
sqlite.configure(engine)  # several writers on one file; does nothing on another database
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass
