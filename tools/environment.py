"""Makes one virtual environment: finds a Python that fits and installs what is pinned for it.

    python3 tools/environment.py .venv --pythons 3.11 3.12 --constraints constraints-django-5.2.txt \\
        --extras django postgresql --group dev

The versions are tried in the order given. Each is looked for on PATH and then, where pyenv is installed, among the
versions pyenv knows. An environment that is there and fits is brought up to date in place.

Runs on any Python from 3.7 on, since it is what looks for the right one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Sequence  # noqa: UP035 (collections.abc can't be subscripted before Python 3.9)

# What a Python must have: Debian's, for one, comes without the first two until python3-venv is installed.
PROBE = "import ensurepip, venv, sqlite3, ssl, sys; print('%d.%d' % sys.version_info[:2], sys.executable)"


def main() -> None:
    wanted = arguments()
    python = fitting_environment(wanted.folder, wanted.pythons) or make(wanted.folder, wanted.pythons)
    if python is None:
        sys.exit(explain_missing(wanted))
    install(python, wanted)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the environment is, or will be")
    parser.add_argument("--pythons", nargs="+", required=True, metavar="3.N", help="versions that fit, best first")
    parser.add_argument("--constraints", type=Path, required=True, help="the file that pins the versions")
    parser.add_argument("--extras", nargs="*", default=[], help="extras of stepper-motor to install")
    parser.add_argument("--group", help="dependency group of pyproject.toml to install")
    parser.add_argument("--optional", action="store_true", help="say so and go on when no Python fits")
    return parser.parse_args()


def fitting_environment(folder: Path, versions: Sequence[str]) -> Path | None:
    python = folder / "bin" / "python"
    found = probe(str(python)) if python.exists() else None
    return python if found and found[0] in versions else None


def make(folder: Path, versions: Sequence[str]) -> Path | None:
    base = find_python(versions)
    if base is None:
        return None
    if folder.exists() and not (folder / "pyvenv.cfg").exists():
        sys.exit(f"{folder} is there and is no virtual environment: move it away.")
    print(f"Making {folder} with {base}", flush=True)
    subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True)
    return folder / "bin" / "python"


def find_python(versions: Sequence[str]) -> str | None:
    for version in versions:
        for candidate in candidates(version):
            found = probe(candidate)
            if found and found[0] == version:
                return found[1]
    return None


def candidates(version: str) -> Iterator[str]:
    yield sys.executable
    for name in (f"python{version}", "python3"):
        yield from filter(None, [shutil.which(name)])
    for full_version in ask("pyenv", "versions", "--bare"):
        if full_version.startswith(f"{version}."):
            yield from (os.path.join(prefix, "bin", "python") for prefix in ask("pyenv", "prefix", full_version))


def ask(*command: str) -> list[str]:
    if shutil.which(command[0]) is None:
        return []
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()


def probe(python: str) -> list[str] | None:
    """The version and the path of a Python, or None where it can't be run (a pyenv shim, say) or lacks something."""
    command = [python, "-c", PROBE]
    try:
        answer = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip().split(" ", 1) if answer.returncode == 0 else None


def install(python: Path, wanted: argparse.Namespace) -> None:
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    pip += ["--constraint", str(wanted.constraints)]
    build = ["--build-constraint", str(wanted.constraints)]
    extras = f"[{','.join(wanted.extras)}]" if wanted.extras else ""
    group = ["--group", wanted.group] if wanted.group else []
    print(f"Installing stepper-motor{extras} and what {wanted.constraints} pins into {wanted.folder}", flush=True)
    subprocess.run([*pip, "--upgrade", "pip"], check=True)  # the one that came with Python may not know groups
    subprocess.run([*pip, *build, "--editable", f".{extras}", *group], check=True)
    (wanted.folder / ".installed").touch()


def explain_missing(wanted: argparse.Namespace) -> str | int:
    best, versions = wanted.pythons[0], " or ".join(wanted.pythons)
    explanation = (
        f"No Python {versions} (with venv, ssl and sqlite3) on PATH or in pyenv for {wanted.folder}.\n"
        f"    Install one: pyenv install {best}, or your system's packages python{best} and python{best}-venv."
    )
    if not wanted.optional:
        return explanation
    print(f"*** SKIPPED: {explanation}", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    main()
