"""What goes wrong on request, on a lab's host: that, and nothing beside it."""

import signal

import pytest

from lab.faults import Faults
from tests.stories.mac import Mac
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab


def test_the_daemon_alone_is_killed_though_others_have_its_name(lab: Lab, mac2: Mac):
    # As each process has that the daemon starts, until it is another program.
    mac2.sh("cp /bin/sleep /tmp/dockerd && { /tmp/dockerd 600 >/dev/null 2>&1 & }")
    try:
        Faults(lab.settings, mac2.state).restart_daemon(signal.SIGKILL)
        assert mac2.docker("version", "--format", "{{.Server.Version}}")
        assert mac2.sh("pgrep -f '^/tmp/dockerd 600'").isdigit()
    finally:
        mac2.sh("pkill -f '^/tmp/dockerd 600'; rm /tmp/dockerd")
