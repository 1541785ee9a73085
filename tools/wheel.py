"""Builds the wheel and looks into it: every file of the package must be there, and nothing else may be.

python -m tools.wheel
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SOURCE = Path("src")
NOT_SHIPPED = ("__pycache__", ".pyc", ".DS_Store")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shipped = contents(build(Path(folder)))
    expected = files_of_the_package()
    for file in sorted(expected - shipped):
        print(f"not in the wheel: {file}", file=sys.stderr)
    for file in sorted(shipped - expected):
        print(f"in the wheel, but not in {SOURCE}: {file}", file=sys.stderr)
    sys.exit(0 if shipped == expected else 1)


def build(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def files_of_the_package() -> set[str]:
    files = (file for file in SOURCE.rglob("*") if file.is_file() and not str(file).endswith(NOT_SHIPPED))
    return {str(file.relative_to(SOURCE)) for file in files if "__pycache__" not in file.parts}


if __name__ == "__main__":
    main()
