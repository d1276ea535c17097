"""Which Macs: this machine, in the group of its chip, unless you list others.

A group's name is its chip's image tag; group_data/GROUP.py holds what is said of it. Examples:

    m4max = ["trader@mac-1.local", ("mac-2.local", {"ssh_user": "trader"})]
    m1 = ["@local"]
"""

import platform
import subprocess

from stack.model import tag_of

if platform.system() == "Darwin":
    _brand = subprocess.run(
        ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # pyinfra takes each list at the top of this file for a group.
    globals()[tag_of(_brand.strip())] = ["@local"]
else:
    linux = ["@local"]
