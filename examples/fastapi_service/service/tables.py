"""Creates the tables: `python -m service.tables`. A service that lives longer than an example uses Alembic."""

import asyncio

from service.database import engine
from service.journeys import PaymentJourney


async def create() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(PaymentJourney.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(create())
    print(f"The tables are there: {engine.url.render_as_string(hide_password=True)}")
