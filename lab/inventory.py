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

_settings = Settings.from_environment()
_hosts = read_state(_settings.state_file)
if not _hosts:
    raise LabError("no lab is running: python -m lab up")

# pyinfra takes each list at the top of this file for a group.
# The lab's registry has images of its own, so they are pinned in a file of its own.
_data = {**registry_settings(), "images_lock": str(_settings.run / "images.lock")}
globals().update(pyinfra_groups(_hosts.values(), _data))
