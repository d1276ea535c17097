"""How a run's report is put together from a host, and where it goes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from facts.plan import HostPlan
from facts.verify import Verdict
from operations import report, timing, verification
from operations.start import Startup
from stack.changes.change import Change, Changes
from stack.release.kept import Record
from stack.report.measured import Span, Timeline
from stack.report.model import Report
from stack.settings import Settings
from tests.demo import demo_host, demo_inputs, demo_release, on_disk
from tests.docker_doubles import inspected_containers, observed
from tests.reported import demo_report, row

MADE = Changes((Change("update", "risk", "memory", "2 GiB", "3 GiB"),))
KEPT = Timeline(began_at="2026-01-01 00:00:00 UTC", spans=(Span("start", "risk", 1, 2, "healthy"),))


class HostDouble:
    name = "anna@mac-1.local"
    connector = None

    def __init__(self):
        self.said = []

    def log(self, message):
        self.said.append(message)

    def log_styled(self, message, **_options):
        self.said.append(message)


@pytest.fixture
def host():
    return HostDouble()


@pytest.fixture
def plan(demo_project):
    release = demo_release(demo_project)
    record = Record(release=release.id, number=1, deployed_at="", who="anna", timeline=KEPT)
    current = replace(on_disk(release), record=record.model_dump_json())
    return HostPlan(
        settings=Settings(why="more memory"),
        detected=replace(demo_host(), system="macOS 15.5"),
        release=release,
        observed=observed(release),
        current=current,
        changes=Changes(()),
        inputs=demo_inputs(),
    )


def reported(host, plan, made=MADE, rows=("store", "risk", "page"), problems=()):
    verdict = Verdict(tuple(map(row, rows)), problems)
    return report.report_of(host, plan, made, Startup(), verdict, problems)


def test_a_report_says_what_the_daemon_says(host, plan):
    found = reported(host, plan)
    assert (found.about.host, found.about.why) == ("anna@mac-1.local", "more memory")
    assert found.mac.system == "macOS 15.5"
    risk = found.services[1]
    assert (risk.place.cpuset, risk.place.cpus) == ("0-1", 2)
    assert risk.running_since == "2026-01-02 03:04:05 UTC"
    assert found.services[2].address == "http://127.0.0.1:80"
    assert found.changes == ("risk: memory 2 GiB → 3 GiB, applied live",)
    assert found.maps[0].core_loads == (1, 1, 0, 0)


def test_what_a_container_has_counts_and_not_what_was_planned(host, plan, demo_project):
    containers = inspected_containers(plan.release)
    containers["risk"]["HostConfig"]["CpusetCpus"] = "3"
    edited = observed(plan.release, containers=containers)
    found = reported(host, replace(plan, observed=edited))
    assert found.services[1].place.cpuset == "3"
    assert found.maps[0].core_loads == (0, 0, 0, 2)


def test_a_missing_container_has_nothing_to_show(host, plan):
    containers = inspected_containers(plan.release)
    del containers["risk"]
    gone = observed(plan.release, containers=containers)
    found = reported(host, replace(plan, observed=gone))
    risk = found.services[1]
    assert (risk.place, risk.reservation_bytes, risk.running_since, risk.restarts) == (None,) * 4
    assert "risk" not in found.maps[0].services


def test_this_runs_own_start_up_is_told(host, plan):
    timing.timed(host, "start", "store", 0.0, "healthy")
    found = reported(host, plan)
    assert found.timeline_is_now
    assert [span.name for span in found.timeline.of("start")] == ["store"]
    assert "start" not in found.unmeasured


def test_without_one_the_release_tells_the_last(host, plan):
    timing.timed(host, "step", "Verify", 0.0, "done")
    found = reported(host, plan)
    assert not found.timeline_is_now
    assert found.timeline == KEPT
    assert "builds" in found.unmeasured


@pytest.mark.parametrize("record", ["", "{}", "not json"])
def test_without_a_record_no_start_up_is_told(host, plan, record):
    found = reported(host, replace(plan, current=replace(plan.current, record=record)))
    assert found.timeline is None
    assert {"start", "builds"} <= found.unmeasured.keys()


def test_another_releases_record_says_nothing_of_this_one(host, plan):
    found = reported(host, replace(plan, current=replace(plan.current, id="ffffffffffff")))
    assert found.timeline is None


def test_a_release_from_the_host_has_no_findings_to_tell(host, plan):
    found = reported(host, replace(plan, inputs=None))
    assert found.unmeasured["findings"] == report.NOT_HERE


def test_images_that_are_not_pinned_are_a_finding(host, plan):
    found = reported(host, replace(plan, unpinned=("redis:8.0",)))
    assert "redis:8.0" in found.findings[-1].message


def test_both_files_are_written_by_host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    html, data = report.write(demo_report())
    assert html == Path("reports/mac1/report.html")
    assert html.read_text().startswith("<!doctype html>")
    assert Report.model_validate_json(data.read_text()) == demo_report()
    assert sorted(it.name for it in html.parent.iterdir()) == ["report.html", "report.json"]


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", "@docker/alpine:3", "-rf"])
def test_no_hosts_name_leads_out_of_the_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    about = demo_report().about.model_copy(update={"host": name})
    html, _ = report.write(demo_report(about=about))
    assert html.resolve().parent.parent == tmp_path / "reports"


def test_a_folder_that_cannot_be_written_fails_no_deploy(host, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verification, "is_local", lambda _: True)
    (tmp_path / "reports").write_text("a file in the way")
    verification.tell(host, demo_report())
    assert "the report can't be written" in host.said[-1]
    assert demo_report().summary in host.said


def test_where_the_report_is_stands_last(host, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verification, "is_local", lambda _: True)
    verification.tell(host, demo_report())
    assert host.said[-1] == "report: reports/mac1/report.html, for programs report.json"


def test_a_run_that_failed_says_why_in_its_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    html, data = report.write(demo_report(failed="the operation 'Build images' failed"))
    assert "The run failed: the operation &#39;Build images&#39; failed" in html.read_text()
    assert json.loads(data.read_text())["failed"] == "the operation 'Build images' failed"
