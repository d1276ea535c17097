"""Files of any size from and to a host, never whole in memory and never shown."""

import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING

from link.channel import is_local

if TYPE_CHECKING:
    from pyinfra.api.host import Host


REQUESTS = 64
"""Blocks of 32 KiB asked for ahead: without a bound a fast host's answers pile up in memory."""


def read(host: "Host", path: str) -> bytes:
    """A small file's content; OSError where there is none."""
    if is_local(host.connector):
        return Path(path).read_bytes()
    with host.connector.client.open_sftp() as sftp, sftp.open(path, "rb") as file:  # type: ignore[attr-defined]
        return bytes(file.read())


def fetch(host: "Host", path: str, to: IO[bytes]) -> None:
    """Copy a file of the host into one that is open here; OSError where that can't be."""
    if is_local(host.connector):
        with Path(path).open("rb") as source:
            shutil.copyfileobj(source, to)
    else:
        with host.connector.client.open_sftp() as sftp:  # type: ignore[attr-defined]
            sftp.getfo(path, to, max_concurrent_prefetch_requests=REQUESTS)


def send(host: "Host", source: IO[bytes], path: str) -> None:
    """Write what is open here into a file of the host, for its owner alone."""
    if is_local(host.connector):
        with Path(path).open("wb") as target:
            shutil.copyfileobj(source, target)
        Path(path).chmod(0o600)
    else:
        with host.connector.client.open_sftp() as sftp:  # type: ignore[attr-defined]
            sftp.putfo(source, path)
            sftp.chmod(path, 0o600)
