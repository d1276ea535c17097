"""Each fact reads what hosts print: one fixture a sentence, {output, fact}."""

import dataclasses
import json
from pathlib import Path

import pytest

from facts.files import TextFiles
from facts.kept import KeptReleases
from facts.machine import Machine
from facts.ports import Listeners
from facts.release import Release
from facts.runtime import Runtime
from facts.tools import Tools
from facts.vm import Vm

FACTS = {
    "files": TextFiles,
    "kept": KeptReleases,
    "machine": Machine,
    "ports": Listeners,
    "release": Release,
    "runtime": Runtime,
    "tools": Tools,
    "vm": Vm,
}
FIXTURES = sorted(Path(__file__).parent.glob("*/*.json"))


def plain(value):
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    value = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_fact(path):
    fixture = json.loads(path.read_text())
    fact = FACTS[path.parent.name]()
    assert plain(fact.process(fixture["output"])) == fixture["fact"]


def test_every_fact_has_fixtures():
    assert {path.parent.name for path in FIXTURES} == set(FACTS)


@pytest.mark.parametrize("name", sorted(set(FACTS) - {"machine", "tools"}))
def test_a_host_with_nothing_to_say_has_a_default(name):
    assert FACTS[name].default() is not None
