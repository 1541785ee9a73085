"""The app's pages. There is no login: whoever comes may do everything, as it is an example."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from drip.journeys import SignupJourney
from drip.models import User, db
from stepper_motor import InvalidState, now

pages = Blueprint("pages", __name__)


@pages.get("/")
def home() -> str:
    """Everybody, and how far they have come."""
    journeys = db.session.scalars(select(SignupJourney).order_by(SignupJourney.id)).all()
    SignupJourney.preload_heroes(db.session, journeys)
    return render_template("home.html", journeys=journeys)


@pages.post("/users")
def sign_up() -> Response:
    """A user and the journey: one commit for both."""
    user = User(name=request.form["name"], email=request.form["email"])
    db.session.add(user)
    try:
        SignupJourney.start(db.session, user)
    except IntegrityError:
        abort(409, "There is an account with this address.")
    db.session.commit()
    return redirect(url_for("pages.show", user_id=user.id), 303)


@pages.get("/users/<int:user_id>")
def show(user_id: int) -> str:
    """A user's journey: where it is, what comes next, and what has been."""
    user = db.get_or_404(User, user_id)
    return render_template("user.html", user=user, journey=journey_of(user))


@pages.post("/users/<int:user_id>/visit")
def visit(user_id: int) -> Response:
    db.get_or_404(User, user_id).seen_at = now()
    return commit_and_show(user_id)


@pages.post("/users/<int:user_id>/leave")
def leave(user_id: int) -> Response:
    """The journey will find out by itself, before its next step."""
    db.get_or_404(User, user_id).left_at = now()
    return commit_and_show(user_id)


@pages.post("/users/<int:user_id>/pause")
def pause(user_id: int) -> Response:
    journey_of(db.get_or_404(User, user_id)).pause("not now", by="somebody on the page")
    return commit_and_show(user_id)


@pages.post("/users/<int:user_id>/resume")
def resume(user_id: int) -> Response:
    journey_of(db.get_or_404(User, user_id)).resume(by="somebody on the page")
    return commit_and_show(user_id)


@pages.app_errorhandler(InvalidState)
def refuse(error: InvalidState) -> tuple[str, int]:
    return str(error), 409


def journey_of(user: User) -> SignupJourney:
    return db.session.scalars(SignupJourney.for_hero(user)).one()


def commit_and_show(user_id: int) -> Response:
    db.session.commit()
    return redirect(url_for("pages.show", user_id=user_id), 303)
