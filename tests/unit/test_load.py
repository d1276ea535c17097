import re
from pathlib import Path

import pytest

from stack.core_map import CoreMap
from stack.errors import DrydockError
from stack.load import group_origins, load_stack
from stack.model import Stack
from stack.settings import Settings
from stack.wording import PATTERN_WORDS

ORIGINS = {
    "stack": "group_data/all.py",
    "core_map": "group_data/m4max.py",
    "overrides": "inventory or --data",
    "bind_address": "inventory or --data",
}


def service(**fields):
    said = {
        "phase": "engines",
        "image": "redis:8.0",
        "health": {"test": ["true"]},
        "cpus": 1,
        "memory": "1 GiB",
    }
    return {name: value for name, value in (said | fields).items() if value is not None}


def stack(sized_for=None, bases=None, images=None, **services):
    return {
        "name": "demo",
        "sized_for": sized_for or {"cpus": 4, "memory": "8 GiB"},
        "bases": bases or {},
        "images": images or {},
        "services": services or {"risk": service()},
    }


def refusal(**data):
    with pytest.raises(DrydockError) as caught:
        load_stack({"stack": stack(), **data}, ORIGINS)
    return str(caught.value)


def test_a_stack_is_read_with_its_settings_and_the_chip_it_asks_for():
    inputs = load_stack(
        {"stack": stack(), "chip": "m4max", "bind_address": "192.0.2.7", "ssh_user": "me"}, ORIGINS
    )
    assert inputs.stack.services["risk"].memory == 2**30
    assert (inputs.chip_wanted, inputs.settings.bind_address) == ("m4max", "192.0.2.7")
    assert type(inputs.settings) is Settings


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({}, "agent"),
        ({"_sudo_password": "root's"}, "daemon"),
        ({"_sudo_password": "root's", "monitor": True}, "daemon"),
        ({"_sudo_password": "root's", "monitor": "agent"}, "agent"),
        ({"_sudo_password": "root's", "monitor": False}, "off"),
        ({"_sudo_password": None}, "agent"),
        ({"monitor": "daemon"}, "daemon"),
    ],
)
def test_where_sudo_is_given_the_monitor_is_a_daemon_unless_something_else_is_said(said, kind):
    assert load_stack({"stack": stack(), **said}, ORIGINS).settings.monitor == kind


def test_a_service_with_a_switch_is_there_where_its_setting_is():
    both = stack(risk=service(), bell=service(when="alert_webhook"))
    assert list(load_stack({"stack": both}, ORIGINS).stack.services) == ["risk"]
    on = load_stack({"stack": both, "alert_webhook": "https://hooks.example/token"}, ORIGINS)
    assert list(on.stack.services) == ["risk", "bell"]
    assert on.settings.given_secrets == {"alert_webhook": "https://hooks.example/token"}
    assert "token" not in f"{on}{on.settings!r}"


def test_what_may_be_away_is_needed_only_by_what_is_away_with_it():
    said = refusal(stack=stack(bell=service(when="alert_webhook"), risk=service(needs=["bell"])))
    assert "risk.needs: 'bell' is there only when 'alert_webhook' is set; drop the need" in said
    together = service(when="alert_webhook", needs=["bell"])
    load_stack({"stack": stack(bell=service(when="alert_webhook"), a=service(), b=together)}, {})


def test_an_address_that_is_a_secret_is_refused_without_showing_it():
    for wrong in ("htp://hooks.example/token", "https://a b/token", ["token"]):
        said = refusal(alert_webhook=wrong)
        assert said.startswith("inventory or --data: alert_webhook: write ")
        assert "token" not in said.replace("such as https://hooks.example/token", "")


def test_overrides_are_laid_over_services_and_remembered():
    data = {
        "stack": stack(risk=service(environment={"A": "1", "B": "2"}), ml=service()),
        "overrides": {"risk": {"memory": "3 GiB", "environment": {"B": "3"}}},
    }
    inputs = load_stack(data, ORIGINS)
    assert inputs.stack.services["risk"].memory == 3 * 2**30
    assert inputs.stack.services["risk"].environment == {"A": "1", "B": "3"}
    assert inputs.literal == {"risk": {"memory", "environment"}}
    assert data["stack"]["services"]["risk"]["memory"] == "1 GiB"


BAD_FIELDS = [
    ({"memory": "2 XB"}, "risk.memory = '2 XB': has no unit known here: write one of B, KiB"),
    ({"memory": "0 GiB"}, "risk.memory = '0 GiB': memory must be more than zero"),
    ({"memory": -5}, "risk.memory = -5: memory must be more than zero"),
    ({"memory": "1 MiB"}, "risk.memory: 1 MiB is less than Docker takes; write 6 MiB or more"),
    ({"memory": "9 GiB"}, "risk.memory = 9 GiB: sized_for has 8 GiB; lower it"),
    ({"memory": None}, "risk.memory: missing; add it"),
    ({"memroy": "2 GiB"}, "risk.memroy: unknown field; did you mean 'memory'"),
    ({"health": {"test": ["x"], "intervall_s": 1}}, "health.intervall_s: unknown.*'interval_s'"),
    ({"health": "curl"}, "risk.health = 'curl': write a dictionary"),
    ({"cpus": 0}, "risk.cpus = 0: must be at least 0.01"),
    ({"cpus": -1}, "risk.cpus = -1: must be at least 0.01"),
    ({"cpus": float("inf")}, "risk.cpus = inf: write a finite number"),
    ({"cpus": "two"}, "risk.cpus = 'two': write a number"),
    ({"cpus": 5}, "risk.cpus = 5: sized_for has 4 CPUs; lower it"),
    ({"cpuset": "4-99"}, "risk.cpuset = '4-99': sized_for has no core 4-99; write cores of 0-3"),
    ({"cpuset": "a"}, "risk.cpuset = 'a': no cpuset: write core numbers"),
    ({"cpuset": "3-1"}, "risk.cpuset = '3-1': runs backwards: write '1-3'"),
    ({"cpuset": ""}, "risk.cpuset = '': an empty cpuset"),
    ({"cpuset": 3}, "risk.cpuset = 3: write text, in quotes"),
    ({"reservation": "2 GiB"}, "services.risk: 'reservation' is above 'memory', its limit"),
    ({"working_set": "2 GiB"}, "services.risk.memory = 1 GiB: below its working_set of 2 GiB"),
    ({"phase": "engine"}, "risk.phase = 'engine': write one of 'infrastructure', 'core'"),
    ({"image": None}, "services.risk: say exactly one of 'image' and 'build'"),
    ({"port": 70000}, "risk.port = 70000: must be at most 65535"),
    ({"needs": "redis"}, "risk.needs = 'redis': write a list"),
    ({"needs": ["rsk"]}, "risk.needs: 'rsk' is no service of this stack; did you mean 'risk'"),
    ({"needs": ["risk"]}, "risk.needs: a cycle, risk → risk"),
    ({"environment": {"A B": "1"}}, "risk.environment: 'A B': write a name of letters"),
    ({"environment": {"A": 1}}, "risk.environment.A = 1: write text, in quotes"),
    (
        {"host_directories": {"secrets": "/a"}},
        "services.risk: 'host_directories': 'secrets' is Drydock's own: choose another",
    ),
    ({"host_directories": {"a/b": "/a"}}, "risk.host_directories: 'a/b': write a name of"),
    ({"workers": 1.5}, "risk.workers = 1.5: write a whole number"),
]


@pytest.mark.parametrize(("fields", "said"), BAD_FIELDS)
def test_a_wrong_field_is_named_with_file_key_value_and_remedy(fields, said):
    message = refusal(stack=stack(risk=service(**fields)))
    assert message.startswith("group_data/all.py: stack.services.risk")
    assert re.search(said, message), message
    assert "\n" not in message


def test_a_value_that_may_be_of_several_types_gives_one_sentence():
    build = {"dockerfile": "x", "bases": ["python"], "arguments": {"a": [1]}}
    message = refusal(
        stack=stack(bases={"python": "python:3"}, risk=service(image=None, build=build))
    )
    assert message == (
        "group_data/all.py: stack.services.risk.build.arguments.a = [1]: "
        "write text, a number, or True or False"
    )


def test_all_mistakes_are_listed_a_line_each():
    message = refusal(
        stack=stack(risk=service(memory="2 XB", cpus=0)),
        overrides={"rsik": {"cpus": 1}},
        bind_address="everywhere",
    )
    assert len(message.splitlines()) == 4
    assert "inventory or --data: overrides.rsik: unknown service; did you mean 'risk'?" in message
    assert "inventory or --data: bind_address = 'everywhere': write an IP address" in message


def test_a_mistake_of_an_override_is_placed_there():
    assert refusal(overrides={"risk": {"memory": "2 XB"}}).startswith(
        "inventory or --data: overrides.risk.memory = '2 XB'"
    )
    assert refusal(overrides={"risk": {"memroy": "2 GiB"}}).startswith(
        "inventory or --data: overrides.risk.memroy: unknown field; did you mean 'memory'?"
    )
    assert refusal(overrides={"risk": {"reservation": "2 GiB"}}).startswith(
        "group_data/all.py with inventory or --data: stack.services.risk: 'reservation'"
    )


@pytest.mark.parametrize("overrides", ["risk", {"risk": "3 GiB"}])
def test_overrides_that_are_no_dictionary_are_refused(overrides):
    assert "write a dictionary, such as" in refusal(overrides=overrides)


def test_overrides_may_exceed_the_machine_that_the_stack_is_sized_for():
    overrides = {"risk": {"cpus": 6, "memory": "12 GiB", "cpuset": "5-6"}}
    assert load_stack({"stack": stack(), "overrides": overrides}, ORIGINS)


def test_a_misspelt_key_is_refused_and_a_foreign_one_is_not():
    assert "overides: unknown key; did you mean 'overrides'?" in refusal(overides={})
    assert load_stack({"stack": stack(), "_sudo": True, "my_own": 1}, ORIGINS)


def test_no_stack_at_all_is_refused():
    with pytest.raises(DrydockError, match="data: stack: missing; add it"):
        load_stack({}, {})


def test_a_need_in_a_later_phase_is_refused_with_both_phases():
    message = refusal(
        stack=stack(a=service(phase="core", needs=["b"]), b=service(phase="frontend"))
    )
    assert "a.needs: 'b' starts in phase frontend, after 'a' in phase core" in message


def test_a_cycle_is_printed_in_the_order_of_needs():
    message = refusal(
        stack=stack(c=service(needs=["a"]), a=service(needs=["b"]), b=service(needs=["c"]))
    )
    assert "a cycle, a → b → c → a; drop one of these needs" in message


def test_every_cycle_is_named():
    message = refusal(
        stack=stack(
            a=service(needs=["b"]),
            b=service(needs=["a"]),
            c=service(needs=["d"]),
            d=service(needs=["c"]),
        )
    )
    assert "a → b → a" in message and "c → d → c" in message


def test_two_services_on_one_port_are_refused():
    message = refusal(stack=stack(a=service(port=80), b=service(port=8080, host_port=80)))
    assert "b.host_port = 80: taken by a and b alike; change one" in message


def test_two_containers_of_one_name_are_refused():
    message = refusal(stack=stack(a=service(), b=service(container_name="demo-a")))
    assert "b.container_name = 'demo-a': taken by a and b alike" in message


def test_an_unknown_base_and_a_cycle_of_images_are_refused():
    images = {
        "x": {"dockerfile": "x", "bases": ["y"]},
        "y": {"dockerfile": "y", "bases": ["x", "pyton"]},
    }
    message = refusal(stack=stack(bases={"python": "python:3"}, images=images, risk=service()))
    assert (
        "images.y.bases: 'pyton' is neither a base nor an image; did you mean 'python'" in message
    )
    assert "images.x.bases: a cycle, x → y → x" in message


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"cpus": 3}, "risk.cpus = 3: the map is for 2 CPUs"),
        ({"cpuset": "0-2"}, "risk.cpuset = '0-2': no core 2 with 2 CPUs; write cores of 0-1"),
        ({"reservation": "2 GiB"}, "risk.reservation: is above 'memory'"),
        ({"memory": "1 MiB"}, "risk.memory: 1 MiB is less than Docker takes"),
        ({"memory": "2 XB"}, "risk.memory = '2 XB'"),
        ({"core": "1"}, "risk.core: unknown field"),
    ],
)
def test_a_core_map_is_held_against_its_own_machine(entry, said):
    services = {"risk": {"cpus": 1, "memory": "1 GiB", **entry}}
    message = refusal(core_map={"cpus": 2, "services": services})
    assert message.startswith("group_data/m4max.py: core_map.services.")
    assert said in message


def test_a_core_map_of_an_unknown_service_is_refused():
    services = {"rissk": {"cpus": 1, "memory": "1 GiB"}}
    message = refusal(core_map={"cpus": 2, "services": services})
    assert "core_map.services.rissk: unknown service; did you mean 'risk'?" in message


def test_origins_are_the_last_file_that_assigns_a_key(tmp_path: Path):
    directory = tmp_path / "group_data"
    directory.mkdir()
    (directory / "all.py").write_text("stack = {}\nchip: str = 'm1'\n_own, ca_bundle = 1, 'x'\n")
    (directory / "m4max.py").write_text("chip = 'm4max'\n")
    origins = group_origins(["m4max", "absent"], directory)
    assert origins["stack"] == origins["ca_bundle"] == "group_data/all.py"
    assert origins["chip"] == "group_data/m4max.py"


def test_a_group_file_that_is_no_python_is_refused(tmp_path: Path):
    (tmp_path / "all.py").write_text("stack = {")
    with pytest.raises(DrydockError, match=r"all\.py: not valid Python"):
        group_origins([], tmp_path)


def patterns(schema):
    if isinstance(schema, dict):
        own = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
        # JSON schema writes the pattern of a dictionary's keys as a key.
        own += schema.get("patternProperties", {})
        return own + [found for value in schema.values() for found in patterns(value)]
    return (
        [found for item in schema for found in patterns(item)] if isinstance(schema, list) else []
    )


@pytest.mark.parametrize("model", [Stack, CoreMap, Settings])
def test_every_pattern_of_the_model_has_words(model):
    assert set(patterns(model.model_json_schema())) <= PATTERN_WORDS.keys()
