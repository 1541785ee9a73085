"""The shop's life in a minute: a few hundred heroes, a day a second, several workers, of which one is killed.

    python demo.py [--queue celery|django-tasks] [--heroes 300] [--seconds 50] [--seed 7] [--folder var]

Without a queue, it is on SQLite with the built-in worker. Ends by itself, says what came of every journey, and exits
with 1 if anything does not add up, or a server is missing.
"""

import argparse
import os
import shutil
import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
from django.core.management import call_command

from stage.processes import start_bank

HERE = Path(__file__).resolve().parent
LENGTH = timedelta(days=50)
"""How much of the shop's life is played."""


def main() -> int:
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # As Ctrl-C: the other processes end with this one.
    sweep(options.folder)
    with servers_for(options.queue), start_bank(seed=options.seed) as bank:
        open_shop(options, bank.url)
        from stage.play import play  # Needs Django to be set up.

        return play(options, bank=bank, length=LENGTH)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Plays seven weeks of a shop's life in a minute.")
    parser.add_argument("--queue", choices=("celery", "django-tasks"), help="what hands the steps out (no queue)")
    parser.add_argument("--heroes", type=int, default=300, help="customers to begin with (300)")
    parser.add_argument("--seconds", type=float, default=50, help="real seconds the 50 days are to take (50)")
    parser.add_argument("--seed", type=int, default=7, help="where chance comes from (7)")
    parser.add_argument("--folder", type=Path, default=HERE / "var", help="for database, mails, archives, logs (var)")
    return parser.parse_args()


def sweep(folder: Path) -> None:
    """Removes what an earlier demo left in the folder, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("mails", "archives"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for pattern in ("shop.sqlite3*", "worker-*.log", "beat*", "sweeper.log"):
        for file in folder.glob(pattern):
            file.unlink()


def servers_for(queue: str | None) -> AbstractContextManager[None]:
    """What the settings are to say of database and queue, through the environment."""
    for setting in ("SHOP_QUEUE", "SHOP_DATABASE_URL", "SHOP_BROKER_URL", "SHOP_BROKER_QUEUE"):
        os.environ.pop(setting, None)
    if queue is None:
        return nullcontext()
    from stage.servers import servers_for  # Needs the repository.

    return servers_for(queue)


def open_shop(options: argparse.Namespace, bank_url: str) -> None:
    """Sets up Django, here and for the workers to come, and creates the database."""
    from project.time_machine import hurry

    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    os.environ["SHOP_FOLDER"] = str(options.folder.resolve())
    os.environ["SHOP_BANK_URL"] = bank_url
    os.environ["SHOP_LOG_LEVEL"] = "WARNING"  # The spectators see the table; the workers log everything.
    hurry(speed=LENGTH.total_seconds() / options.seconds, origin=datetime.now(UTC))
    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
