"""Grafana's dashboards and settings, as its image and its container get them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from dashboards.__main__ import files
from tests.dashboards import ENGINES, FILES, FOLDER, panels_of, queries, read, variables_of

SCHEMA = json.loads((Path(__file__).parent / "grafana/schema-12.0.2.json").read_text())
# Grafana's types lack these fields of an annotation, which its Prometheus data source reads.
OF_PROMETHEUS = {"expr", "step", "titleFormat", "useValueForTime"}
IDS = [file.stem for file in FILES]
# What Grafana gets is the same for every chip.
ONCE = pytest.mark.parametrize("release", ["linux-x86-64"], indirect=True)


def wrong(kind, value):
    """What Grafana's schema says against a value."""
    return [
        f"{it.json_path}: {it.message}" for it in Draft7Validator(SCHEMA[kind]).iter_errors(value)
    ]


def faults(dashboard):
    """What is wrong with a dashboard and its panels, by the schema of this version of Grafana."""
    dashboard = json.loads(json.dumps(dashboard))
    panels = panels_of(dashboard)
    found = [it for panel in panels for it in wrong(panel["type"], panel["options"])]
    for panel in panels:
        if f"{panel['type']}-custom" in SCHEMA:
            found += wrong(f"{panel['type']}-custom", panel["fieldConfig"]["defaults"]["custom"])
    for it in dashboard["annotations"]["list"]:
        assert it.keys() >= OF_PROMETHEUS
        for field in OF_PROMETHEUS:
            del it[field]
    return found + wrong("dashboard", dashboard)


def test_the_files_are_what_the_code_makes():
    assert {file.name: file.read_text() for file in FILES} == files(), (
        "run `python -m dashboards` and commit what it writes"
    )


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_a_dashboard_is_right_by_grafanas_own_schema(file):
    assert faults(read(file)) == []


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_a_wrong_dashboard_would_be_found(file):
    for spoil in (
        lambda it: it.update(refresh=30),
        lambda it: it.update(colour="red"),
        lambda it: it["panels"][0].update(gridPos={"h": "4"}),
        lambda it: it["panels"][0]["options"].update(colorMode="loud"),
        lambda it: it["panels"][0]["fieldConfig"]["defaults"].update(mappings=[{"type": "word"}]),
    ):
        spoilt = read(file)
        spoil(spoilt)
        assert faults(spoilt) != []


def test_there_are_four_that_lead_to_each_other_and_show_deploys():
    dashboards = [read(file) for file in FILES]
    assert IDS == ["deploys", "engine", "mac", "overview"]
    assert len({it["uid"] for it in dashboards}) == 4
    for it in dashboards:
        (link,), (deployed,) = it["links"], it["annotations"]["list"]
        assert set(link["tags"]) <= set(it["tags"])
        assert deployed["expr"].startswith("drydock_deploy_last_timestamp_seconds")
        assert len({panel["title"] for panel in panels_of(it)}) > 4
        assert not it["editable"]


def test_prometheus_can_read_every_query(tmp_path):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    rules = [{"record": f"query:{n}", "expr": it} for n, it in enumerate(queries())]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "a", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", tmp_path / "rules.yml"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_a_variables_series_is_a_query_too():
    asked = 'up{job="nautilus",service!="backend"}'
    assert variables_of(read(FOLDER / "engine.json")) == [(asked, "service")]
    assert asked in queries()


@ONCE
def test_engines_are_those_of_the_stack(release):
    engines = (n for n, it in release.stack.services.items() if it.phase == "engines")
    assert sorted(engines) == sorted(ENGINES)


@ONCE
def test_its_image_has_them_where_its_settings_say(release):
    image = release.images["grafana"]
    (provider,) = yaml.safe_load(image.files["dashboards.yml"])["providers"]
    folder = provider["options"]["path"]
    dockerfile = image.files["Dockerfile"].decode()
    assert f"COPY templates/grafana/dashboards {folder}\n" in dockerfile
    home = release.containers["grafana"].environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/overview.json"
    assert {f"templates/grafana/dashboards/{file.name}" for file in FILES} <= image.files.keys()
    (source,) = yaml.safe_load(image.files["datasources.yml"])["datasources"]
    used = {it["datasource"]["uid"] for file in FILES for it in panels_of(read(file))}
    assert used == {source["uid"]}
    scraped = yaml.safe_load(release.images["prometheus"].files["prometheus.yml"])["global"]
    assert source["jsonData"]["timeInterval"] == scraped["scrape_interval"]


@ONCE
def test_the_first_login_is_with_the_generated_password_and_nobody_comes_in_without(release):
    container = release.containers["grafana"]
    password = "/run/secrets/grafana_admin_password"
    # Grafana reads it; of __FILE its image's own script would make an environment with the value.
    assert container.environment["GF_SECURITY_ADMIN_PASSWORD"] == f"$__file{{{password}}}"
    assert any(it.endswith(f"/grafana_admin_password:{password}:ro") for it in container.mounts)
    assert container.environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert container.environment["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert "GF_AUTH_PROXY_ENABLED" not in container.environment
    assert not [name for name in container.environment if name.endswith("__FILE")]
