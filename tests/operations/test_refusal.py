"""What goes wrong on a host is told as what it is."""

import inspect
from runpy import run_path
from types import SimpleNamespace

import pytest

from operations.refusal import step


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("size mismatch in put! 0 != 12"), "can't be written on the host, is its disk"),
        (OSError("Failure"), "can't be written on the host, is its disk"),
        (OSError("Socket is closed"), "the host or its daemon was lost: OSError Socket is closed"),
        (ConnectionResetError("Failure"), "was lost: ConnectionResetError"),
    ],
)
def test_a_full_disk_is_no_lost_host(error, said):
    def breaks(_host):
        raise error

    told = []
    host = SimpleNamespace(log_styled=lambda text, **_: told.append(text))
    assert step(breaks).function(None, host) is False
    assert said in "".join(told)


def test_a_deploys_frames_are_found_without_a_search_of_all_modules(tmp_path):
    file = tmp_path / "deploy.py"
    file.write_text(
        "from operations.refusal import fails_alone\n\n\n@fails_alone\ndef deploy(host): ...\n"
    )
    # As pyinfra executes it: no module that stays has its name.
    data = run_path(str(file))
    found = inspect.getmodule(data["deploy"].__wrapped__.__code__, str(file))
    assert found is not None
    assert found.__file__ == str(file)
