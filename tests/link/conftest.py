import pytest

from facts.runtime import Daemon
from link import daemon as link_daemon
from tests.link.daemon_doubles import DaemonHandler, TcpService, UnixDaemon, serving
from tests.link.ssh_doubles import LocalHost, SshHost, write_docker_cli
from tests.link.ssh_doubles import ssh_server as ssh_server_double


@pytest.fixture
def docker(tmp_path):
    # Every path has what a careless command line would break on.
    directory = tmp_path / "a trader's Mac"
    directory.mkdir()
    with serving(UnixDaemon(str(directory / "docker.sock"), DaemonHandler)) as server:
        server.cli = write_docker_cli(directory / "docker")
        yield server


@pytest.fixture
def service():
    with serving(TcpService(("127.0.0.1", 0), DaemonHandler)) as server:
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield server


@pytest.fixture
def ssh_server():
    with ssh_server_double() as server:
        yield server


@pytest.fixture(params=["ssh", "local"])
def host(request):
    if request.param == "local":
        host = LocalHost()
        yield host
    else:
        server = request.getfixturevalue("ssh_server")
        host = SshHost(server.port)
        yield host
    link_daemon.close(host)
    if request.param == "ssh":
        host.client.close()


@pytest.fixture
def runtime(docker):
    return Daemon(
        runtime="docker-desktop",
        docker_cli=str(docker.cli),
        docker_socket=docker.server_address,
        version="28.0.0",
        api_version="1.48",
        min_api_version="1.24",
        os="linux",
        architecture="arm64",
    )
