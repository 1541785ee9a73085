"""The manual's page of the commands lists what there is."""

from __future__ import annotations

import pytest

from stepper_motor.cli.console import create_parser
from tests.docs.pages import ROOT
from tests.docs.tables import table, words

pytestmark = pytest.mark.pure

PAGE = ROOT / "docs" / "commands.md"


def parsers():
    (commands,) = [action for action in create_parser()._actions if action.dest == "command"]
    return commands.choices


def options_of(command):
    actions = parsers()[command]._actions
    return {option for action in actions for option in action.option_strings} - {"-h", "--help"}


def test_every_command_is_listed():
    assert [words(row["command"])[0] for row in table(PAGE, "command")] == list(parsers())


def test_every_option_of_list_is_listed():
    assert {words(row["`list` takes"])[0].split()[0] for row in table(PAGE, "`list` takes")} == options_of("list")


def test_every_option_of_a_verb_is_listed_with_the_verbs_that_have_it():
    verbs = [name for name in parsers() if "--reason" in options_of(name)]
    listed = {words(row["option"])[0].split()[0]: set(words(row["of"])) or set(verbs) for row in table(PAGE, "option")}
    there_are = {verb: options_of(verb) for verb in verbs}
    assert listed == {
        option: {verb for verb in verbs if option in there_are[verb]} for option in set().union(*there_are.values())
    }


def test_every_option_of_show_is_told():
    text = PAGE.read_text()
    assert all(f"`{option}" in text for option in options_of("show"))


def test_every_exit_status_is_listed_with_the_programs_own_words():
    listed = {row["status"] for row in table(PAGE, "status")}
    assert listed == {line.split()[0] for line in create_parser().epilog.splitlines()[1:]}
