"""A small Flask app that writes to its users in their first weeks: `flask --app drip run`."""

import click
from flask import Flask
from flask.cli import with_appcontext

from drip.models import Journey, db
from drip.pages import pages
from drip.time_machine import hurry_if_told
from stepper_motor.sqlalchemy import Motor, sqlite
from stepper_motor.sqlalchemy.flask import register


def create_app() -> Flask:
    hurry_if_told()
    app = Flask(__name__)
    app.config.from_mapping(SQLALCHEMY_DATABASE_URI="sqlite:///drip.sqlite3", OUTBOX=f"{app.instance_path}/outbox")
    app.config.from_prefixed_env()  # FLASK_SQLALCHEMY_DATABASE_URI, FLASK_OUTBOX
    db.init_app(app)
    with app.app_context():
        sqlite.configure(db.engine)  # several writers on one file; does nothing on another database
    add_motor(app)
    app.register_blueprint(pages)
    app.cli.add_command(create_tables)
    return app


def add_motor(app: Flask) -> None:
    """What moves the journeys, and `flask stepper-motor` to tell it to. Steps run inside the app's context."""
    app.extensions["stepper_motor"] = motor = Motor(db.session, journeys=Journey, context=app.app_context)
    register(app, motor)


@click.command("create-tables")
@with_appcontext
def create_tables() -> None:
    """Create the tables. An app that lives longer than an example uses Flask-Migrate."""
    db.create_all()
    click.echo("The tables are there.")
