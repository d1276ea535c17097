"""Which Macs: those of macs.toml, if there is one, or this machine, in the group of its chip.

`DRYDOCK_MACS` names another file; docs/inventory.md says what is in it. Python will do, too: a list
at the top of this file is a group, named like its chip's image tag, and group_data/GROUP.py holds
what is said of it. Examples:

    m4max = ["trader@mac-1.local", ("mac-2.local", {"ssh_user": "trader"})]
    m1 = ["@local"]
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

# A project of one's own uses this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from stack.chips import tag_of
from stack.errors import DrydockError

_file = Path(os.environ.get("DRYDOCK_MACS", "macs.toml"))


def _ssh_hosts() -> list[str]:
    # pyinfra connects by the same file, so a name in it is all that is needed.
    from pyinfra.connectors.sshuserclient.client import get_ssh_config  # noqa: PLC0415

    config = get_ssh_config()
    return sorted(config.get_hostnames()) if config else []


def _listed() -> dict[str, object]:
    from stack.macs import groups_of  # noqa: PLC0415 - without a list of Macs nothing needs it

    try:
        text = _file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DrydockError(f"{_file}: can't be read: {error}; DRYDOCK_MACS names it") from error
    return dict(groups_of(text, str(_file), _ssh_hosts))


if _file.is_file() or "DRYDOCK_MACS" in os.environ:
    # pyinfra takes each list, or tuple of a list and data, at the top of this file for a group.
    try:
        globals().update(_listed())
    except DrydockError as error:
        # pyinfra shows an exception of an inventory as a traceback.
        raise SystemExit(str(error)) from None
elif platform.system() == "Darwin":
    _brand = subprocess.run(
        ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    globals()[tag_of(_brand.strip())] = ["@local"]
else:
    linux = ["@local"]
