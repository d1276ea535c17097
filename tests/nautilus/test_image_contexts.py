"""An image holds its service's own code and libraries, and they are all that it imports."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from nautilus.catalogue import SERVICES
from nautilus.frame.settings import Settings

ROOT = Path(__file__).parents[2]
STACK = runpy.run_path(str(ROOT / "group_data/all.py"))["stack"]
BUILDS = {name: STACK["services"][name]["build"] for name in SERVICES}

# What is installed here for the tests alone is hidden, as it is missing in the image.
LOAD = """
import sys
from importlib.metadata import packages_distributions

owners = packages_distributions()
name, allowed = sys.argv[1], {"nautilus", *sys.argv[2:]}

class Missing:
    def find_spec(self, module, *_):
        found = {owner.lower().replace("_", "-") for owner in owners.get(module, ())}
        if found and not found & allowed:
            raise ModuleNotFoundError(f"the image has no {module}", name=module)

sys.meta_path.insert(0, Missing())
import nautilus
from nautilus.catalogue import load
load(name)
print(nautilus.__file__)
"""


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_stack_sets_is_a_setting(service: str) -> None:
    environment = set(STACK["services"][service]["environment"])
    # The C library reads it before there is any Python.
    known = {name.upper() for name in Settings.model_fields} | {"GLIBC_TUNABLES"}
    assert environment - known == set()


def requirements(build: dict[str, Any]) -> list[str]:
    """Of an image and of those that it is built on."""
    shared = [STACK["images"][base] for base in build["bases"] if base in STACK["images"]]
    below = [file for base in shared for file in requirements(base)]
    own = [file for file in build["context"] if file.startswith("nautilus/requirements/")]
    assert own in (
        [],
        ["nautilus/requirements/base.txt"],
        [build.get("arguments", {}).get("requirements")],
    )
    return below + own


def libraries(build: dict[str, Any]) -> set[str]:
    files = requirements(build)
    text = "\n".join((ROOT / file).read_text() for file in files)
    return set(re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_loads_from_its_own_build_context(name: str, tmp_path: Path) -> None:
    build = BUILDS[name]
    for pattern in build["context"]:
        for found in ROOT.glob(pattern):
            target = tmp_path / found.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if found.is_dir() else shutil.copy)(found, target)
    answer = subprocess.run(
        [sys.executable, "-c", LOAD, name, *libraries(build)],
        env={"PYTHONPATH": str(tmp_path / "nautilus")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert Path(answer.stdout.strip()).is_relative_to(tmp_path)


WITHOUT = {
    "ml-libraries": "import nautilus.engines.ml.runtime, nautilus.engines.ml.training",
    "strategy-libraries": """
from nautilus.engines.strategy.backtest import backtest
from nautilus.engines.strategy.models import BacktestRequest
from tests.nautilus.trading import walk
body = {"rules": [{"kind": "ema_cross"}], "bars": walk(50)}
request = BacktestRequest.model_validate(body)
backtest(request.rules[0], request.bars.columns(), request, bool)
""",
}


@pytest.mark.parametrize("image", WITHOUT)
def test_nothing_is_missed_that_an_image_leaves_out(image: str, tmp_path: Path) -> None:
    left_out = STACK["images"][image]["arguments"]["leave_out"].split()
    installed = Path(sysconfig.get_path("platlib"))
    packages = {pattern.partition("/")[0].partition("*")[0] for pattern in left_out}
    # What a wheel brings along for its own libraries lies beside it.
    for package in (*packages, *(each.name for each in installed.glob("*.libs"))):
        shutil.copytree(installed / package, tmp_path / package, copy_function=os.symlink)
    removed = [
        path
        for path in tmp_path.rglob("*")
        if any(fnmatch(str(path.relative_to(tmp_path)), pattern) for pattern in left_out)
    ]
    assert removed
    for path in removed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT[image]],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}:{ROOT / 'nautilus'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
