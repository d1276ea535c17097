"""Talking to a command while it runs; over SSH the stories do it, with the lock."""

import pytest
from pyinfra.connectors.local import LocalConnector

from link.dialogue import Dialogue

LOCAL = object.__new__(LocalConnector)


def test_lines_go_in_and_come_out_until_the_command_ends():
    dialogue = Dialogue(LOCAL, ["cat"], timeout_s=5)
    dialogue.say("é")
    assert dialogue.hear() == "é"
    dialogue.close()


def test_a_command_that_has_ended_is_told_by_none():
    dialogue = Dialogue(LOCAL, ["true"], timeout_s=5)
    assert dialogue.hear() is None
    dialogue.close()


def test_a_command_that_says_nothing_is_not_waited_for_without_end():
    dialogue = Dialogue(LOCAL, ["sh", "-c", "read -r line"], timeout_s=0.1)
    with pytest.raises(TimeoutError):
        dialogue.hear()
    dialogue.close()
