"""Pins the newest versions that fit together, by name and version only, in constraints-django-X.Y.txt.

    .venv/bin/python tools/pins.py 5.2

They are found by installing everything into a fresh environment of the Python that runs this.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    (django,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        pins = resolve(Path(folder), django)
    file = Path(f"constraints-django-{django}.txt")
    python = ".".join(map(str, sys.version_info[:2]))
    file.write_text(f"# Django {django}, found with Python {python}. Renew with: make constraints\n{pins}", "utf-8")
    print(f"Wrote {file}")


def resolve(folder: Path, django: str) -> str:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--upgrade", "pip"], check=True)
    subprocess.run([*pip, "install", f"Django~={django}.0", ".[django,postgresql,mysql]", "--group", "dev"], check=True)
    freeze = [*pip, "freeze", "--all", "--exclude", "stepper-motor", "--exclude", "setuptools"]
    return subprocess.run(freeze, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
