"""What is recommended to whom, and that the next deploy does just that, live."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from facts.history import DEPLOYED, Prometheus
from stack.__main__ import load_groups
from stack.changes.compare import compare
from stack.chips import parse_sysctl
from stack.daemon import daemon_of
from stack.errors import DrydockError
from stack.planner.map import plan
from stack.quantities import MIB
from stack.report.recommendation import ENOUGH_MINUTES, Quantiles, Used, gain, recommend
from stack.report.recommendation_lines import as_data, seconds_of, table_of
from tests.demo import GIB, demo_host, demo_inputs, demo_release, on_disk
from tests.docker_doubles import observed

ROOT = Path(__file__).parents[2]
CHIP = parse_sysctl((ROOT / "lab/macs/m4max.txt").read_text())
DAEMON = daemon_of(json.loads((ROOT / "lab/macs/docker-info-m4max.json").read_text()))
INPUTS = load_groups(ROOT / "group_data", "m4max")
RUNNING = plan(INPUTS, CHIP, DAEMON).services
WEEK = 7 * 24 * 60


def used(cpus=0.4, memory=300 * MIB, minutes=WEEK, of_limit=0.4):
    sizes = Quantiles(memory / 2, memory, memory)
    return Used(minutes, Quantiles(cpus / 4, cpus / 2, cpus), sizes, of_limit)


def recommended(**of):
    return recommend(INPUTS, CHIP, DAEMON, RUNNING, of)


def test_what_was_used_fits_with_headroom():
    found = recommended(risk=Used(WEEK, Quantiles(0.1, 0.4, 0.5), Quantiles(1, 2, 400 * MIB), 0.5))
    # One and a half of the 95th percentile; one and a half of the most memory, in steps.
    assert found.overrides["risk"]["cpus"] == 0.6
    assert found.overrides["risk"]["memory"] == "608 MiB"
    assert found.doubts == ()


def test_what_a_start_takes_is_left_to_everybody():
    found = recommended(risk=used(cpus=0.01), nginx=used(cpus=0.01))
    assert found.overrides["risk"]["cpus"] == 0.5
    running = {**RUNNING, "nginx": RUNNING["nginx"].model_copy(update={"cpus": 0.25})}
    found = recommend(INPUTS, CHIP, DAEMON, running, {"nginx": used(cpus=0.01)})
    assert found.overrides["nginx"]["cpus"] == 0.25


def test_a_short_peak_fits_too():
    found = recommended(ml=Used(WEEK, Quantiles(0.1, 0.2, 2.0), Quantiles(1, 2, GIB), 0.5))
    assert found.overrides["ml"]["cpus"] == 2.2


def test_who_used_all_of_its_limit_gets_more_than_that():
    limit = RUNNING["strategy"].cpus
    found = recommended(strategy=used(cpus=limit))
    assert found.overrides["strategy"]["cpus"] >= 1.5 * limit


def test_who_used_all_that_a_cap_for_heat_left_keeps_the_maps_cpus():
    limit = RUNNING["strategy"].cpus
    capped = used(cpus=limit / 2, of_limit=1)
    assert recommended(strategy=capped).overrides["strategy"]["cpus"] == limit
    cool = used(cpus=limit / 2, of_limit=0.5)
    assert recommended(strategy=cool).overrides["strategy"]["cpus"] < limit


def test_no_service_goes_below_its_working_set():
    found = recommended(risk=used(memory=MIB))
    assert found.overrides["risk"]["memory"] == "256 MiB"


def test_who_sizes_its_caches_at_its_start_keeps_its_memory():
    found = recommended(postgres=used(memory=100 * MIB))
    limit = RUNNING["postgres"].memory_bytes
    assert found.overrides["postgres"]["memory"] == f"{limit // MIB} MiB"


def test_without_history_a_service_is_named_and_left_alone():
    found = recommended(risk=used(), ml=used(minutes=3))
    assert set(found.overrides) == {"risk"}
    assert found.left_alone["factor"] == "there is no history of it"
    assert found.left_alone["ml"] == "only 3 minutes are known of it"
    stopped = {name: it for name, it in RUNNING.items() if name != "risk"}
    found = recommend(INPUTS, CHIP, DAEMON, stopped, {"risk": used()})
    assert found.left_alone["risk"] == "it has no container"


def test_little_history_is_said_to_be_little():
    (doubt,) = recommended(risk=used(minutes=ENOUGH_MINUTES - 1)).doubts
    assert "1439 minutes of history" in doubt
    assert recommended(risk=used(minutes=ENOUGH_MINUTES)).doubts == ()


def test_the_file_is_data_that_leads_to_the_map_that_was_told(tmp_path):
    found = recommended(**{name: used() for name in RUNNING})
    file = tmp_path / "overrides.py"
    file.write_text(as_data(found, "mac1"))
    said = tmp_path / "said.json"
    said.write_text(json.dumps({"overrides": runpy.run_path(str(file))["overrides"]}))
    assert plan(load_groups(ROOT / "group_data", "m4max", said), CHIP, DAEMON) == found.map


def test_the_gain_is_told_in_figures():
    found = recommended(**{name: used() for name in RUNNING})
    busiest, limits = gain(RUNNING, found.map.services, DAEMON.cpus)
    assert busiest == "the busiest core may carry 0.7692 CPUs, now 4.5"
    assert limits == "memory limits add to 15.48 GiB, now 77.5 GiB"


def test_the_next_deploy_applies_it_live(demo_project):
    before, inputs, host = demo_release(demo_project), demo_inputs(), demo_host()
    running = before.map.services
    of = {name: used(cpus=0.1, memory=20 * MIB) for name in running}
    found = recommend(inputs, host.chip, host.daemon, running, of)
    after = demo_release(demo_project, {name: dict(it) for name, it in found.overrides.items()})
    changes = compare(after, on_disk(before), observed(before), host.daemon.cpus)
    assert {change.action for change in changes.all} == {"write", "update"}
    assert {change.subject for change in changes.of("update")} >= {"risk", "page"}


def test_a_table_tells_what_was_used_now_and_then():
    of = {"risk": used()}
    heading, line = table_of(RUNNING, of, recommended(**of))
    assert heading.split()[:3] == ["service", "CPUs", "p50"]
    assert line.split()[:6] == ["risk", "0.10", "0.20", "0.40", "1.00", "0.50"]


@pytest.mark.parametrize(("said", "seconds"), [("90m", 5400), ("12h", 43200), ("2w", 1209600)])
def test_a_while_is_read(said, seconds):
    assert seconds_of(said) == seconds


@pytest.mark.parametrize("said", ["", "7", "0d", "-1h", "7d)", "1y", "7 d"])
def test_another_while_is_refused_with_a_remedy(said):
    with pytest.raises(DrydockError, match="write how far to look back"):
        seconds_of(said)


def prometheus(answer):
    client = httpx.Client(transport=httpx.MockTransport(answer))
    return Prometheus(client, "http://127.0.0.1:9090")


def series(**values):
    result = [
        {"metric": {"service": name} if name != "none" else {}, "value": [0, str(value)]}
        for name, value in values.items()
    ]
    return httpx.Response(200, json={"status": "success", "data": {"result": result}})


def test_history_is_asked_from_the_last_deploy_on_and_told_in_cpus_and_bytes():
    asked = []

    def answer(request):
        query = request.url.params["query"]
        asked.append(query)
        if query == DEPLOYED:
            return series(none=3600.5)
        if "count_over_time" in query:
            return series(risk=60, gone=60)
        return series(risk=figures[query.partition("drydock_container_")[2].split("[")[0]], gone=1)

    figures = {"cpu_ratio": 0.5, "cpus": 1, "memory_bytes": 1000}
    found = prometheus(answer).used(("risk", "ml"), 7 * 86400)
    assert set(found) == {"risk"}
    assert found["risk"] == Used(60, Quantiles(1, 1, 1), Quantiles(1000, 1000, 1000), 0.5)
    assert all("[3600s" in query for query in asked if query != DEPLOYED)


def test_a_service_whose_history_begins_while_it_is_asked_for_is_left_out():
    def answer(request):
        query = request.url.params["query"]
        late = {"ml": 1} if query.startswith("max") else {}
        return series(none=3600) if query == DEPLOYED else series(risk=1, **late)

    assert set(prometheus(answer).used(RUNNING, 3600)) == {"risk"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(400, json={"status": "error", "error": "parse error"}),
        lambda request: (_ for _ in ()).throw(httpx.ConnectError("refused", request=request)),
    ],
)
def test_a_prometheus_that_gives_no_answer_is_told_in_words(answer):
    with pytest.raises(DrydockError, match="Prometheus"):
        prometheus(answer).used(RUNNING, 3600)


def test_nothing_of_the_inputs_is_changed():
    before = replace(INPUTS)
    recommended(risk=used())
    assert before == INPUTS
