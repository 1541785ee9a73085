"""What is kept of a customer who is deleted: events without a person, one gzipped CSV each."""

import csv
import gzip
import hashlib
import hmac
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings

from shop.models import Customer, Datapoint

COLUMNS = ("customer", "day", "event", "step", "article", "cents")
HARMLESS_PROPERTIES = ("step", "article", "cents")
"""Only what is listed is kept: a property somebody adds tomorrow may name a person."""


def write_archive(customer: Customer) -> Path:
    """Writes the customer's archive; written again, it replaces itself with the same bytes."""
    path = archive_path(customer)
    _write_whole(path, _compressed(_rows(customer)))
    return path


def archive_path(customer: Customer) -> Path:
    return Path(settings.ARCHIVE_FOLDER) / f"{pseudonym(customer)}.csv.gz"


def pseudonym(customer: Customer) -> str:
    """A name that stays the same for a customer and that nobody without the key can lead back to one."""
    digest = hmac.new(settings.PSEUDONYM_KEY.encode(), str(customer.pk).encode(), hashlib.sha256)
    return digest.hexdigest()[:24]


def _rows(customer: Customer) -> Iterator[list[str]]:
    name = pseudonym(customer)
    yield list(COLUMNS)
    for datapoint in customer.datapoints.order_by("pk").iterator():
        yield [name, *_scrubbed(datapoint)]


def _scrubbed(datapoint: Datapoint) -> list[str]:
    harmless = (str(datapoint.properties.get(name, "")) for name in HARMLESS_PROPERTIES)
    return [datapoint.created_at.date().isoformat(), datapoint.event, *harmless]


def _compressed(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)


def _write_whole(path: Path, content: bytes) -> None:
    """Puts the file in its place whole or not at all, whenever the process or the machine dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        part.write(content)
        part.flush()
        os.fsync(part.fileno())
    os.replace(part.name, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
