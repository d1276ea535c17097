import pytest

from stack.errors import DrydockError
from stack.macs import groups_of

LIST = """
[m4max.hosts]
"mac-1.local" = { ssh_user = "trader" }
[m4max.data]
bind_address = "192.168.1.2"
[m1]
ssh_config = ["mini-*"]
[office]
chip = "m2pro"
hosts = { desk = {} }
"""
SSH = ["mini-2", "mini-1", "mini-*", "!mini-3", "*", "other"]


def read(text, ssh=SSH):
    return groups_of(text, "macs.toml", lambda: ssh)


def test_groups_have_hosts_with_data_and_data_of_their_own():
    groups = read(LIST)
    assert groups["m4max"] == (
        [("mac-1.local", {"ssh_user": "trader"})],
        {"bind_address": "192.168.1.2", "chip": "m4max"},
    )
    assert groups["office"] == ([("desk", {})], {"chip": "m2pro"})


def test_hosts_come_from_the_ssh_configuration_but_its_patterns_are_none():
    assert read(LIST)["m1"] == ([("mini-1", {}), ("mini-2", {})], {"chip": "m1"})


def test_data_of_a_listed_host_is_kept_when_a_pattern_means_it_too():
    groups = read('[m1]\nssh_config = ["mini-*"]\nhosts = { mini-1 = { ssh_port = 2222 } }')
    assert dict(groups["m1"][0]) == {"mini-1": {"ssh_port": 2222}, "mini-2": {}}


def test_the_ssh_configuration_is_read_only_if_wanted():
    assert (
        groups_of("[servers]\nhosts = { a = {} }", "macs.toml", lambda: 1 / 0)["servers"][1] == {}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[m1", "macs.toml: not valid TOML: "),
        ("", "macs.toml: names no group; write for example [m4max]"),
        ("[m1]", "macs.toml: m1: has no host; name some in [m1.hosts]"),
        ("[m1]\nhots = {}", "macs.toml: m1.hots: unknown field; did you mean 'hosts'?"),
        ('[m1]\nhosts = ["a"]', "macs.toml: m1.hosts"),
        ("m1 = 3", "macs.toml: m1 = 3"),
        ('[m1]\nssh_config = ["imac-*"]', "m1.ssh_config: no host in ~/.ssh/config is named like"),
        ("[all]\nhosts = { a = {} }", "macs.toml: all: no name for a group"),
        ('["M 1"]\nhosts = { a = {} }', "macs.toml: M 1: no name for a group"),
        (
            "[m1]\nhosts = { a = {} }\n[m2]\nhosts = { a = {} }",
            "macs.toml: m2: a is in m1, too, which is another chip's",
        ),
    ],
)
def test_a_wrong_list_is_one_error(text, said):
    with pytest.raises(DrydockError) as caught:
        read(text)
    assert said in str(caught.value)
