"""pyinfra inventory of the running lab: `pyinfra lab/inventory.py deploy.py`.

One group for each chip, named like its image tag, read from the lab's state file.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.machine import registry_settings
from lab.process import LabError
from lab.settings import Settings
from lab.spec import pyinfra_groups, read_state

_hosts = read_state(Settings.from_environment().state_file)
if not _hosts:
    raise LabError("no lab is running: python -m lab up")

# pyinfra takes each list at the top of this file for a group.
globals().update(pyinfra_groups(_hosts.values(), registry_settings()))
