"""Every example of the manual does what the page says, and every link leads somewhere."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import pytest

from tests.docs.examples import play
from tests.docs.pages import PAGES, ROOT, blocks

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module", autouse=True)
def no_motor_is_left():
    """A process knows a motor that has a queue for as long as it lives, and would perform others' tickets with it."""
    yield
    gc.collect()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
@pytest.mark.django_db(transaction=True, reset_sequences=True)
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient` is deprecated")
def test_a_page_says_what_happens(page, request):
    play(page, request.getfixturevalue)


@pytest.mark.pure
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_its_links_lead_somewhere(page):
    for link in LINK.findall(_prose(page)):
        if not link.startswith(("http://", "https://")):
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            assert target.exists(), f"{page.name}: {link} leads nowhere"
            assert not anchor or anchor in _anchors(target), f"{page.name}: {link} names no heading of {target.name}"


def _prose(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        text = text.replace(block.code, "") if block.code else text
    return text


def _anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#{1,6} (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
