from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from link.http import http_client
from tests.link.ssh_doubles import SshHost


def free_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_service_on_the_hosts_loopback_answers(host, service):
    with http_client(host) as client:
        response = client.get(f"{service.url}/health")
    assert response.status_code == 200
    assert response.json()["path"] == "/health"


def test_a_connection_serves_again(host, service):
    with http_client(host) as client:
        for _ in range(5):
            client.get(f"{service.url}/health").raise_for_status()
    assert service.connections == 1


def test_many_requests_at_once(host, service):
    with http_client(host) as client, ThreadPoolExecutor(12) as pool:
        paths = [f"/{number}" for number in range(60)]
        answers = list(pool.map(lambda path: client.get(f"{service.url}{path}").json(), paths))
    assert [answer["path"] for answer in answers] == paths


def test_nothing_listening_is_a_connect_error(host):
    with http_client(host) as client, pytest.raises(httpx.ConnectError):
        client.get(f"http://127.0.0.1:{free_port()}/health")


def test_no_answer_is_a_read_timeout(host, service):
    with http_client(host, timeout_s=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.get(f"{service.url}/silent")


def test_a_stream_is_read_as_it_comes(host, service):
    service.events.put({"n": 1})
    with http_client(host) as client, client.stream("GET", f"{service.url}/events") as response:
        lines = response.iter_lines()
        assert next(lines) == '{"n": 1}'
        service.events.put({"n": 2})
        assert next(lines) == '{"n": 2}'


def test_a_lost_ssh_connection_is_a_connect_error(ssh_server, service):
    host = SshHost(ssh_server.port)
    with http_client(host) as client:
        host.client.close()
        with pytest.raises(httpx.ConnectError, match="mac1"):
            client.get(f"{service.url}/health")
