"""Where the reports of a host are, on the machine where the command was run."""

import re
from pathlib import Path

FOLDER = "reports"


def folder_of(host: str) -> Path:
    """A host's folder, by its name in the inventory."""
    return Path(FOLDER) / re.sub(r"^\.+|[^A-Za-z0-9._@-]", "_", host)
