"""What goes wrong on a host is told as what it is."""

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
