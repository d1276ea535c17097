"""Who runs this."""

import getpass
import socket


def operator() -> str:
    """The user on this machine, and the machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
