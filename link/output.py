"""What a command on a host prints, as it comes."""

import subprocess
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from link.channel import is_local, open_command

if TYPE_CHECKING:
    from pyinfra.connectors.base import BaseConnector

CHUNK_BYTES = 256 * 1024
SILENCE_S = 600
"""A command that prints nothing for so long is given up."""


def output_of(connector: "BaseConnector", words: Sequence[str]) -> Iterator[bytes]:
    """Pieces of a command's standard output until its end; one of its SSH sessions.

    Raises OSError when the connection is lost, and when the command says nothing but an error. A
    command that fails later just ends: who reads it has to know what is whole.
    """
    if is_local(connector):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            if process.stdout is not None:
                while data := process.stdout.read(CHUNK_BYTES):
                    yield data
        return
    channel = open_command(connector, words, SILENCE_S)
    try:
        while data := channel.recv(CHUNK_BYTES):
            yield data
    finally:
        channel.close()
