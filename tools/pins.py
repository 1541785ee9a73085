"""Pins the newest versions that fit together, by name and version only, in constraints-django-X.Y.txt.

    .venv/bin/python tools/pins.py 5.2

They are found by installing everything into a fresh environment of the Python that runs this. The environment of the
newest Django has the older SQLAlchemy, so that both versions of both are tested.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SQLALCHEMY = {"5.2": "2.1", "6.1": "2.0"}
"""Which goes with which Django."""
EXTRAS = "django,postgresql,mysql,sqlalchemy-async,sqlite-async,postgresql-async,mysql-async,alembic,flask"


def main() -> None:
    (django,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        pins = resolve(Path(folder), django)
    file = Path(f"constraints-django-{django}.txt")
    python = ".".join(map(str, sys.version_info[:2]))
    found = f"# Django {django} and SQLAlchemy {SQLALCHEMY[django]}, found with Python {python}."
    file.write_text(f"{found} Renew with: make constraints\n{pins}", "utf-8")
    print(f"Wrote {file}")


def resolve(folder: Path, django: str) -> str:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--upgrade", "pip"], check=True)
    wanted = [f"Django~={django}.0", f"SQLAlchemy~={SQLALCHEMY[django]}.0", f".[{EXTRAS}]", "--group", "dev"]
    subprocess.run([*pip, "install", *wanted], check=True)
    freeze = [*pip, "freeze", "--all", "--exclude", "stepper-motor", "--exclude", "setuptools"]
    return subprocess.run(freeze, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
