"""Redis keeps its data as configured, and its own script carries them into another real server."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PASSWORD = "it's  a $ecret"


@pytest.fixture
def redis(tmp_path):
    """Starts servers on their own directory, and runs the script as in their container."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here")
    password, servers = tmp_path / "password", []
    password.write_text(PASSWORD)

    class Redis:
        def __init__(self, name: str) -> None:
            self.data = tmp_path / name
            self.data.mkdir()
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = str(free.getsockname()[1])

        def start(self) -> None:
            own = (ROOT / "templates/redis/redis.conf.j2").read_text()
            own = own.replace("/data", str(self.data)).replace("0.0.0.0", "127.0.0.1")
            configuration = self.data / "redis.conf"
            configuration.write_text(f'{own}\nrequirepass "{PASSWORD}"\n')
            words = [
                "redis-server",
                configuration,
                "--port",
                self.port,
                "--loglevel",
                "notice",
            ]
            self.server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            servers.append(self.server)
            next(line for line in self.server.stdout if "Ready to accept connections" in line)

        def kill(self) -> None:
            self.server.kill()
            self.server.wait()

        def says(self, *commands: str) -> list[str]:
            lines = "\n".join((f'AUTH "{PASSWORD}"', *commands))
            cli = ["redis-cli", "-h", "127.0.0.1", "-p", self.port]
            done = subprocess.run(cli, input=lines, capture_output=True, text=True, check=True)
            return done.stdout.split()[1:]

        def script(self, word: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
            text = (ROOT / "templates/redis/backup.j2").read_text()
            text = text.replace("/data", str(self.data)).replace("-h 127", f"-p {self.port} -h 127")
            environment = {"PATH": "/usr/bin:/bin", "REDIS_PASSWORD_FILE": str(password)}
            return subprocess.run(
                ["sh", "-c", text, "backup", word],
                input=content, env=environment, capture_output=True, check=False,
            )  # fmt: skip

    yield Redis
    for server in servers:
        server.kill()
        server.wait()
        server.stdout.close()


def test_a_snapshot_becomes_the_data_of_a_new_server(redis):
    old, new = redis("old"), redis("new")
    old.start()
    assert old.says("SET boat sails", "XADD ticks * price 3")[0] == "OK"
    saved = old.script("save")
    assert saved.returncode == 0, saved.stderr
    assert PASSWORD.encode() not in saved.stdout + saved.stderr
    assert not list(old.data.glob("backup-*")), "nothing of it stays in the volume"

    assert new.script("check", saved.stdout).returncode == 0
    assert new.script("load", saved.stdout).returncode == 0
    new.start()
    assert new.says("GET boat", "XLEN ticks", "SET more wind") == ["sails", "1", "OK"]
    assert new.script("load", saved.stdout).returncode != 0, "there is data now"


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_snapshot_that_is_cut_off_is_found(redis, share):
    old = redis("old")
    old.start()
    old.says("SET boat sails")
    saved = old.script("save").stdout
    assert old.script("check", saved).returncode == 0
    assert old.script("check", saved[: int(len(saved) * share)]).returncode != 0


def test_what_it_acknowledged_survives_its_kill(redis):
    """As docs/backup.md says: but for what it held back while the disk was too slow for it."""
    server = redis("killed")
    server.start()
    assert server.says("CONFIG GET appendonly")[-1] == "yes"
    assert server.says("CONFIG GET appendfsync")[-1] == "everysec"
    assert server.says("CONFIG GET maxmemory-policy")[-1] == "noeviction"
    assert server.says(*(f"SET boat:{n} {n}" for n in range(1000))) == ["OK"] * 1000
    while "aof_buffer_length:0" not in server.says("INFO persistence"):
        pass
    server.kill()
    server.start()
    assert server.says(*(f"GET boat:{n}" for n in range(1000))) == [str(n) for n in range(1000)]


def test_without_a_server_nothing_is_saved(redis):
    away = redis("away").script("save")
    assert away.returncode != 0
    assert away.stdout == b""
