import re
import subprocess
import sys
from pathlib import Path

import pytest

HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.fixture
def dockerfiles(release):
    return {name: image.files["Dockerfile"].decode() for name, image in release.images.items()}


def instructions(dockerfile):
    """Instructions of a Dockerfile, a line each, comments left out."""
    joined = dockerfile.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def last_stage(dockerfile):
    lines = instructions(dockerfile)
    start = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
    return lines[start:]


def findings(paths):
    """What hadolint has to say, and its status."""
    done = subprocess.run(
        [HADOLINT, "--no-color", "--failure-threshold", "warning", *paths],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if " info: " not in line]


def test_hadolint_finds_nothing(written):
    paths = sorted(written.glob("images/*/Dockerfile"))
    assert len(paths) == 19
    assert findings(paths) == (0, [])


def test_hadolint_finds_nothing_in_what_else_is_rendered(other):
    release, folder = other
    paths = sorted(folder.glob("images/*/Dockerfile"))
    assert len(paths) == len(release.images) in (1, 20)
    assert findings(paths) == (0, [])


def test_hadolint_would_find_something(tmp_path):
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian\nRUN cd /tmp && apt-get install curl\n")
    command = [HADOLINT, "--failure-threshold", "warning", path]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_nginx_checks_its_configuration_while_its_image_is_built(dockerfiles):
    for name in ("nginx", "frontend"):
        stage = last_stage(dockerfiles[name])
        checked = stage.index("RUN nginx -t")
        assert checked > stage.index("COPY nginx.conf /etc/nginx/nginx.conf")


def test_prometheus_checks_its_configuration_while_its_image_is_built(dockerfiles):
    stage = last_stage(dockerfiles["prometheus"])
    path = "/etc/prometheus/prometheus.yml"
    checked = stage.index(f'RUN ["/bin/promtool", "check", "config", "{path}"]')
    assert checked > stage.index("COPY prometheus.yml alerts.yml /etc/prometheus/")


def test_no_service_runs_as_root(release, dockerfiles):
    for name in release.containers:
        users = [line for line in last_stage(dockerfiles[name]) if line.startswith("USER ")]
        assert users, f"{name}: its image doesn't say whom it runs as"
        assert users[-1] not in ("USER root", "USER 0")


def test_what_the_network_needs_is_in_no_layer(dockerfiles):
    for dockerfile in dockerfiles.values():
        for line in instructions(dockerfile):
            if "pip install" in line or "npm ci" in line or "apt-get" in line:
                assert "--mount=type=secret,id=ca" in line
                assert "--mount=type=cache" in line
            if re.match(r"(ENV|ARG|COPY|ADD) ", line):
                assert not re.search(
                    r"CERT|secret|password|index.url|registry", line, re.IGNORECASE
                )


def test_an_engines_code_changes_without_its_large_libraries(release, dockerfiles):
    base = release.images["engine-base"].pinned_reference
    for engine in ("ml", "strategy"):
        libraries = f"{engine}-libraries"
        assert last_stage(dockerfiles[libraries])[0] == f"FROM {base}"
        stage = last_stage(dockerfiles[engine])
        assert stage[0] == f"FROM {release.images[libraries].pinned_reference}"
        assert not any("pip install" in line for line in stage)
        code = {path for path in release.images[libraries].files if path.endswith(".py")}
        assert not code


def test_packages_are_installed_as_they_were_locked(dockerfiles):
    installs = [
        line
        for dockerfile in dockerfiles.values()
        for line in instructions(dockerfile)
        if "pip install" in line
    ]
    assert installs
    assert all("--require-hashes" in line and "-r " in line for line in installs)


def test_code_is_compiled_for_every_chip_of_its_architecture(release, dockerfiles):
    text = "\n".join(line for each in dockerfiles.values() for line in instructions(each))
    assert not re.search(r"-mcpu=native|-march=native|\bsve|\bsme", text, re.IGNORECASE)
    arm = release.tag != "linux-x86-64"
    assert ("-march=armv8.2-a+fp16+dotprod+crypto" in text) == arm
    assert ("OPENBLAS_CORETYPE=NEOVERSEN1" in text) == arm


def test_no_image_carries_the_map(dockerfiles):
    text = "\n".join(line for each in dockerfiles.values() for line in instructions(each))
    assert not re.search(r"THREADS|cpuset|METAL|NEURAL|MPS", text)
