"""`python -m tests.worker.start_walks 120`: starts so many journeys, on the database of the environment."""

from __future__ import annotations

import sys

import django


def main() -> None:
    django.setup()
    from tests.worker.journeys import Walk

    Walk.objects.bulk_create([Walk() for _ in range(int(sys.argv[1]))])


if __name__ == "__main__":
    main()
