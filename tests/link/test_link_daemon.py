import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests

from link.channel import open_command
from link.daemon import MAX_CONNECTIONS, close, daemon


def wait_until(condition, timeout_s=5):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("the condition did not come true")
        time.sleep(0.01)


def test_many_paths_use_one_connection(host, runtime, docker):
    client = daemon(host, runtime)
    for number in range(20):
        answer = client.inspect_container(f"container{number}")
        assert answer["path"] == f"/v1.44/containers/container{number}/json"
    assert docker.connections == 1


def test_the_client_is_made_once_for_a_host(host, runtime):
    assert daemon(host, runtime) is daemon(host, runtime)


def test_requests_at_once_share_four_connections(host, runtime, docker):
    client = daemon(host, runtime)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(client.inspect_container, map(str, range(64))))
    assert len({answer["path"] for answer in answers}) == 64
    assert docker.connections <= MAX_CONNECTIONS


def test_a_large_body_arrives_whole(host, runtime):
    client = daemon(host, runtime)
    answer = client.post(client._url("/images/load"), data=b"x" * 3_000_000, timeout=20)
    assert answer.json() == {"bytes": 3_000_000}


def test_events_arrive_as_they_happen(host, runtime, docker):
    events = daemon(host, runtime).events(decode=True)
    for number in range(3):
        docker.events.put({"status": "start", "id": str(number)})
        assert next(events) == {"status": "start", "id": str(number)}
    events.close()


def test_a_stream_ends_when_closed_by_another(host, runtime, docker):
    client = daemon(host, runtime)
    events = client.events(decode=True)
    docker.events.put({"status": "start"})
    received = []
    reader = threading.Thread(target=lambda: received.extend(events), daemon=True)
    reader.start()
    wait_until(lambda: received)
    events.close()
    reader.join(5)
    assert not reader.is_alive()
    assert received == [{"status": "start"}]
    assert client.info()["path"] == "/v1.44/info"


def test_an_answer_that_does_not_come_is_a_timeout(host, runtime):
    client = daemon(host, runtime)
    with pytest.raises(requests.Timeout):
        client.get(client._url("/silent"), timeout=0.3)
    assert client.info()["path"] == "/v1.44/info"


def test_close_ends_streams_and_connections(host, runtime, docker):
    events = daemon(host, runtime).events(decode=True)
    docker.events.put({"status": "start"})
    assert next(events)
    close(host)
    docker.events.put({"status": "end"})
    assert list(events) == []
    docker.events.put(None)
    wait_until(lambda: docker.open_connections == 0)


def test_nothing_of_the_control_machine_is_sent(host, runtime, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:3128")
    assert daemon(host, runtime).info()["authorization"] is None


def test_a_dead_socket_is_a_connection_error(host, runtime, tmp_path):
    dead = replace(runtime, docker_socket=str(tmp_path / "stale.sock"))
    with pytest.raises(requests.ConnectionError, match="No such file"):
        daemon(host, dead).info()


@pytest.mark.parametrize("host", ["ssh"], indirect=True)
def test_no_process_outlives_its_connection(host, runtime, ssh_server):
    daemon(host, runtime).info()
    assert len(ssh_server.running()) == 1
    close(host)
    wait_until(lambda: not ssh_server.running())


@pytest.mark.parametrize("host", ["ssh"], indirect=True)
def test_a_missing_cli_is_named(host, runtime):
    with pytest.raises(requests.ConnectionError, match="/nowhere/docker"):
        daemon(host, replace(runtime, docker_cli="/nowhere/docker")).info()


@pytest.mark.parametrize("host", ["ssh"], indirect=True)
def test_a_command_that_ended_before_it_was_written_to_is_heard(host):
    channel = open_command(host.connector, ["/nowhere/docker"], 5)
    wait_until(lambda: channel._channel.closed)
    with pytest.raises(ConnectionAbortedError, match="/nowhere/docker"):
        channel.sendall(b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("host", ["ssh"], indirect=True)
def test_a_lost_ssh_connection_is_a_connection_error(host, runtime):
    client = daemon(host, runtime)
    client.info()
    host.client.close()
    with pytest.raises(requests.ConnectionError, match="SSH"):
        client.info()
