"""What the benchmark of many hosts stands on: recorded dialogues, counted resources, verdicts."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from bench.cgroup import Group
from bench.command import BenchError
from bench.fleet import sizes_of, targets
from bench.fleet_stack import write_project
from bench.recorded import Ask, Double, Recorder, Recording, Reply, SocketServer, unknown_file
from stack.__main__ import load_groups

JSON = {"Content-Type": "application/json"}


@contextmanager
def serving(path: Path, ask: Ask) -> Iterator[None]:
    with SocketServer(path, ask) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()


def request(path: Path, method: str, place: str, body: bytes | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    connection.request(method, place, body)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_what_a_daemon_said_is_replayed_in_order_and_again(tmp_path):
    said = iter(range(9))

    def real(_port, method, path, body, _headers):
        return Reply(200, JSON, json.dumps([next(said), method, path, body.decode()]))

    recording = Recording()
    asked = [("GET", "/stats?one-shot=1", None), ("POST", "/a", b"x"), ("POST", "/a", b"y")]
    asked.append(asked[0])
    with (
        serving(tmp_path / "real", real),
        serving(tmp_path / "between", Recorder(tmp_path / "real", recording).ask),
    ):
        first = [request(tmp_path / "between", *each) for each in asked]
    assert [json.loads(body)[0] for _, body in first] == [0, 1, 2, 3]
    recording.write(tmp_path / "file")
    double = Double(Recording.read(tmp_path / "file"), tmp_path / "unknown")
    with serving(tmp_path / "double", double.ask):
        assert [request(tmp_path / "double", *each) for each in asked * 2] == first * 2
    assert not (tmp_path / "unknown").exists()


def test_what_was_not_recorded_is_refused_and_written_down(tmp_path):
    place = tmp_path / "docker.sock"
    with serving(place, Double(Recording(), unknown_file(place)).ask):
        status, body = request(place, "DELETE", "/containers/a")
    assert status == 501
    assert "no recording of DELETE /containers/a" in body
    assert unknown_file(place).read_text() == "DELETE /containers/a\n"


def test_a_command_is_counted_in_its_group(tmp_path):
    (tmp_path / "cgroup.procs").touch()
    (tmp_path / "memory.peak").write_text("7340032\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    words = ["sh", "-c", 'echo "usage_usec 4000000" >cpu.stat; echo $$']
    spent = Group((tmp_path,)).run(words, None, tmp_path)
    assert (spent.cpu_s, spent.peak_bytes) == (2.5, 7340032)
    assert spent.finished.output == (tmp_path / "cgroup.procs").read_text().strip()


def test_targets_are_of_each_size_and_of_the_growth_from_five():
    cpu_s = {1: 1.0, 5: 0.4, 20: 0.3, 100: 0.5}
    samples = {
        f"{size}: {who}, CPU s a host": [value * times]
        for size, value in cpu_s.items()
        for who, times in (("drydock", 1), ("ansible", 2))
    }
    found = {target.what: target for target in targets(samples, [1, 5, 20, 100])}
    assert found["5: drydock / ansible, CPU"].value == 0.5
    assert not found["5: drydock / ansible, CPU"].met
    assert found["CPU a host, 20 hosts / 5"].met
    assert not found["CPU a host, 100 hosts / 5"].met
    assert len(found) == 6
    assert [it.what for it in targets(samples, [1])] == ["1: drydock / ansible, CPU"]
    del samples["100: ansible, CPU s a host"]
    assert len(targets(samples, [1, 5, 20, 100])) == 5


def test_numbers_of_hosts_are_read_in_order():
    assert sizes_of("20,5,5") == [5, 20]
    with pytest.raises(BenchError, match="'5,x' is no number of hosts"):
        sizes_of("5,x")


def test_the_stack_of_a_fleet_has_sixteen_services_and_ten_endpoints(tmp_path):
    project = write_project(tmp_path / "project")
    stack = load_groups(project / "group_data", "m1").stack
    ports = [it.published_port for it in stack.services.values() if it.endpoint]
    assert (len(stack.services), len(set(ports))) == (16, 10)
