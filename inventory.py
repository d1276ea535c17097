"""Which Macs: this machine, unless you list others.

A group's name is its chip's image tag; group_data/GROUP.py holds what is said of it. Examples:

    m4max = ["trader@mac-1.local", ("mac-2.local", {"ssh_user": "trader"})]
    m1 = ["@local"]
"""

hosts = ["@local"]
