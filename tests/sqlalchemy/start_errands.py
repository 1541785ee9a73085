"""`python -m tests.sqlalchemy.start_errands Short 120`: makes the tables, and starts so many journeys of a class."""

from __future__ import annotations

import sys

from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import Session

from tests.sqlalchemy import errands, service
from tests.sqlalchemy.app import SYNC, url


def main(name: str, number: str) -> None:
    engine = create_engine(url(SYNC, service.NAME), poolclass=NullPool)
    errands.Base.metadata.create_all(engine)
    cls = getattr(errands, name)
    with Session(engine) as session, session.begin():
        session.add_all([cls() for _ in range(int(number))])


if __name__ == "__main__":
    main(*sys.argv[1:])
