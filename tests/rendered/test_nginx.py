"""The load balancer's and the page's configuration, as a real nginx behaves with them."""

import gzip
import shutil
import socket
import sys
from collections.abc import Iterator
from time import monotonic, sleep

import httpx
import pytest

from tests.rendered.nginx_doubles import Names, Upstream, nginx

pytestmark = [
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8"),
    # What nginx gets is the same for every chip.
    pytest.mark.parametrize("release", ["linux-x86-64"], indirect=True),
]

# Loopback addresses of their own: a service keeps its port, whatever else runs here.
BALANCER, BACKEND, WEBSOCKET, FRONTEND, REPLACED, PAGE = (f"127.84.0.{n}" for n in range(1, 7))
MONITOR_PORT = 9100
PORTS = {"backend": 8001, "websocket": 8600, "frontend": 3000}
READ_TIMEOUT = "proxy_connect_timeout 2s; proxy_read_timeout 500ms;"
SECURE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
UPGRADE = b"GET /ws/stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, Upstream]]:
    addresses = {"backend": BACKEND, "websocket": WEBSOCKET, "frontend": FRONTEND}
    running = {name: Upstream(at, PORTS[name], name) for name, at in addresses.items()}
    yield running
    for each in running.values():
        each.stop()


@pytest.fixture
def names() -> Iterator[Names]:
    with Names({"backend": BACKEND, "websocket": WEBSOCKET, "frontend": FRONTEND}) as server:
        yield server
        server.shutdown()


@pytest.fixture
def configuration(release) -> str:
    return release.images["nginx"].files["nginx.conf"].decode()


@pytest.fixture
def local(configuration, release, names, tmp_path) -> str:
    """The configuration, which asks the double for names."""
    html = tmp_path / "html"
    html.mkdir()
    (html / "away.html").write_bytes(release.images["nginx"].files["away.html"])
    own = f"resolver 127.0.0.1:{names.server_address[1]} "
    assert "resolver 127.0.0.11 " in configuration
    return configuration.replace("resolver 127.0.0.11 ", own)


@pytest.fixture
def balancer(local, services, tmp_path) -> Iterator[httpx.Client]:
    quick = local.replace("proxy_connect_timeout 2s;", READ_TIMEOUT)
    with nginx(quick, tmp_path, BALANCER, 8080) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "service"), [("/", "frontend"), ("/api/x", "backend"), ("/health", "backend")]
)
def test_each_path_has_its_service_and_every_answer_its_headers(balancer, path, service):
    answer = balancer.get(path)
    assert answer.json()["service"] == service
    asked = answer.json()["headers"]
    assert asked["X-Real-IP"] == asked["X-Forwarded-For"]
    assert SECURE.items() <= dict(answer.headers).items()
    policy = answer.headers["content-security-policy"]
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "nginx/" not in answer.headers["server"]
    assert "retry-after" not in answer.headers


def test_a_service_that_is_away_is_told_in_the_callers_language(balancer, names):
    names.addresses = {"backend": REPLACED}
    for path in ("/api/services", "/health", "/ws/stream"):
        answer = balancer.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (502, "2"), path
        assert "does not answer" in answer.json()["detail"]
        assert SECURE.items() <= dict(answer.headers).items()
    page = balancer.get("/markets")
    assert (page.status_code, page.headers["retry-after"]) == (502, "2")
    assert page.headers["content-type"] == "text/html"
    assert "<h1>Nautilus is starting</h1>" in page.text
    assert SECURE.items() <= dict(page.headers).items()


def test_what_a_service_says_of_itself_passes(balancer):
    answer = balancer.get("/api/unready")
    assert (answer.status_code, answer.json()) == (503, {"detail": "a store is away"})
    assert answer.headers.get_list("retry-after") == ["1"]


def test_a_slow_service_is_given_up(balancer):
    answer = balancer.get("/api/slow")
    assert answer.status_code == 504
    assert "too long" in answer.json()["detail"]


def test_a_replaced_container_is_found_at_its_new_address(balancer, names):
    assert balancer.get("/api/x").json()["service"] == "backend"
    replacement = Upstream(REPLACED, PORTS["backend"], "replacement")
    try:
        names.addresses = {"backend": REPLACED}
        deadline = monotonic() + 10
        while balancer.get("/api/x").json()["service"] != "replacement":
            assert monotonic() < deadline
            sleep(0.1)
    finally:
        replacement.stop()


def test_large_answers_are_compressed(balancer):
    large = balancer.get("/api/large")
    assert large.headers["content-encoding"] == "gzip"
    assert large.headers["vary"] == "Accept-Encoding"
    assert int(large.num_bytes_downloaded) < 2_000
    plain = balancer.get("/api/large", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json()["x"] == large.json()["x"]


def test_a_request_that_is_too_large_is_refused_before_it_is_sent(balancer):
    with socket.create_connection((BALANCER, 8080), timeout=5) as client:
        client.sendall(b"POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_an_upgrade_reaches_the_engine_of_the_stream(balancer):
    with socket.create_connection((BALANCER, 8080), timeout=5) as client:
        client.sendall(UPGRADE + b"a message\n")
        stream = client.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 101 ")
        while stream.readline().strip():
            pass
        assert stream.readline() == b"a message\n"


def test_who_asks_too_much_at_once_is_told_when_to_come_back(local, services, tmp_path):
    assert "rate=200r/s" in local
    assert "burst=400 nodelay" in local
    assert "limit_conn connections 2000;" in local
    # Fewer, so that this machine's speed does not matter.
    few = local.replace("rate=200r/s", "rate=1r/s").replace("burst=400", "burst=9")
    few = few.replace("limit_conn connections 2000;", "limit_conn connections 3;")
    with nginx(few, tmp_path, BALANCER, 8080) as url, httpx.Client(base_url=url) as client:
        answers = [client.get("/api/x") for _ in range(20)]
        assert [answer.status_code for answer in answers[:10]] == [200] * 10
        refused = answers[-1]
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert "too many requests" in refused.json()["detail"]
        # Health is the container's own, not a client's.
        assert all(client.get("/nginx-health").status_code == 200 for _ in range(20))
        held = [socket.create_connection((BALANCER, 8080), timeout=5) for _ in range(4)]
        for each in held:
            each.sendall(UPGRADE)
        statuses = sorted(each.recv(12) for each in held)
        assert statuses == [*[b"HTTP/1.1 101"] * 3, b"HTTP/1.1 429"]
        for each in held:
            each.close()


def test_what_the_monitor_wrote_last_is_served_as_metrics(local, services, tmp_path):
    monitor = tmp_path / "monitor"
    monitor.mkdir()
    with (
        nginx(local, tmp_path, BALANCER, MONITOR_PORT) as url,
        httpx.Client(base_url=url) as client,
    ):
        assert client.get("/metrics").status_code == 404
        for level in ("1", "2"):
            # As the monitor does it: another file takes the name.
            (monitor / "new").write_text(f"drydock_thermal_pressure_level {level}\n")
            (monitor / "new").rename(monitor / "metrics.prom")
            answer = client.get("/metrics")
            assert answer.text == f"drydock_thermal_pressure_level {level}\n"
            assert answer.headers["content-type"] == "text/plain; version=0.0.4"
        assert client.get("/new").status_code == client.get("/").status_code == 404


def test_what_the_monitor_wrote_is_not_on_the_published_port(balancer):
    assert balancer.get("/metrics").json()["service"] == "frontend"


def test_the_pages_files_are_sent_as_they_were_compressed(release, tmp_path):
    configuration = release.images["frontend"].files["nginx.conf"].decode()
    assets = tmp_path / "html" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "html" / "index.html").write_text("the page")
    (assets / "a-1f.js").write_text("plain")
    (assets / "a-1f.js.gz").write_bytes(gzip.compress(b"compressed before"))
    with nginx(configuration, tmp_path, PAGE, 3000) as url, httpx.Client(base_url=url) as client:
        script = client.get("/assets/a-1f.js")
        assert (script.text, script.headers["content-encoding"]) == ("compressed before", "gzip")
        assert "immutable" in script.headers["cache-control"]
        assert script.headers["vary"] == "Accept-Encoding"
        assert client.get("/assets/a-1f.js", headers={"Accept-Encoding": "br"}).text == "plain"
        assert client.get("/assets/gone.js").status_code == 404
        page = client.get("/markets")
        assert (page.text, page.headers["cache-control"]) == ("the page", "no-cache")
