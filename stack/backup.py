"""How a service's data is saved and brought back: commands in its own container."""

from typing import Literal

from pydantic import Field

from stack.fields import Data, Word


class Backup(Data):
    """Commands, run without a shell, that carry a service's data out of its container and back."""

    save: tuple[Word, ...] = Field(min_length=1)
    """Writes all of it, consistent in itself, to its standard output while the service runs."""
    check: tuple[Word, ...] = Field(min_length=1)
    """Reads that from its standard input to the end, and fails when it isn't whole."""
    load: tuple[Word, ...] = Field(min_length=1)
    """Reads it from its standard input, into volumes that are new."""
    load_while: Literal["running", "stopped"] = "stopped"
    """Whether `load` runs in the healthy service, or in a container of its own before that."""
