"""People with permissions, and what they see in the admin."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta

from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.test import Client

from tests.shop.journeys import Drip

LIST = "/admin/stepper_motor/journey/"


def client_of(name: str, *permissions: str) -> Client:
    """A browser in which somebody with these permissions ("app.codename") is logged in."""
    user = User.objects.create_user(name, is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def viewer() -> Client:
    return client_of("vera", "stepper_motor.view_journey")


def operator() -> Client:
    return client_of("olga", "stepper_motor.view_journey", "stepper_motor.operate_journey")


def text_of(response) -> str:
    """The page as a person reads it: without tags, and with single spaces."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def rows_of(response) -> list[str]:
    """The rows of the list, as a person reads them."""
    body = response.content.decode().partition('id="result_list"')[2].partition("</table>")[0]
    rows = body.partition("<tbody>")[2].split("<tr")[1:]
    return [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", f"<tr{row}"))).strip() for row in rows]


def ids_in(response) -> set[str]:
    return set(re.findall(r'name="_selected_action" value="([^"]+)"', response.content.decode()))


def messages_in(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def start_at(journey_class, hero, **values):
    """A journey of which the engine's columns were changed behind its back."""
    journey = journey_class.start(hero)
    in_the_row(journey, **values)
    return journey


def held_by_the_dead(hero, now: datetime):
    """A journey whose performer fell silent five seconds ago."""
    over = now - timedelta(seconds=5)
    return start_at(Drip, hero, state="performing", performed_by="web-1", lease_expires_at=over)


def page(journey) -> str:
    opts = journey._meta.concrete_model._meta
    return f"/admin/{opts.app_label}/{opts.model_name}/{journey.pk}/change/"


def operate(client: Client, journey, operation: str, *, confirmed: bool = True, fence: str | None = None, reason=""):
    """Press a button on the page that shows the journey as this object has it."""
    given = {"operation": operation, "fence": fence or journey.fence, "reason": reason}
    if confirmed:
        given["confirmed"] = "yes"
    return client.post(page(journey).replace("/change/", "/operate/"), given, follow=True)


def in_the_row(journey, **values) -> None:
    """Change the engine's columns behind its back, as time and other code do."""
    QuerySet.update(type(journey)._base_manager.filter(pk=journey.pk), **values)
    journey.refresh_from_db()
