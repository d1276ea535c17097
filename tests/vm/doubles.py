"""Doubles of a Mac's programs around Docker's VM: `doubles.py NAME MAC ARGUMENT…`.

Each behaves as its documentation says: docker (with `docker desktop`), osascript, open and pgrep
of Docker Desktop; colima; orb; brew. MAC is a folder with the Mac's state. What runs is the double
of a daemon, with the size that the runtime's own settings said when it was started, or the one
that the file `stuck` holds there (CPUs and MiB) whatever they say.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

NAME, MAC, *WORDS = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]
HOME, HERE = MAC / "home", Path(__file__).parent
DESKTOP = HOME / "Library/Group Containers/group.com.docker"
SERVER = {
    "Version": "28.3.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux",
    "Arch": "arm64",
}  # fmt: skip
Size = tuple[int, int]


def main() -> int:
    """Do what the program of this name does; its exit status."""
    with (MAC / "calls").open("a") as calls:
        calls.write(" ".join([NAME, *WORDS]) + "\n")
    return {
        "docker": docker, "osascript": osascript, "open": open_application, "pgrep": pgrep,
        "colima": colima, "orb": orb, "brew": brew,
    }[NAME]()  # fmt: skip


def start(place: str, size: Size) -> None:
    """Boot a VM with a daemon behind a socket; ready when it answers."""
    if pid() is not None:
        return
    stuck = MAC / "stuck"
    if stuck.exists():
        size = tuple(map(int, stuck.read_text().split()))
    path = HOME / place
    path.parent.mkdir(parents=True, exist_ok=True)
    containers = (MAC / "containers").read_text().split()
    words = [sys.executable, HERE / "daemon_double.py", path, *map(str, size), *containers]
    with (MAC / "daemon.log").open("w") as log:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    (MAC / "pid").write_text(str(process.pid))
    until = time.monotonic() + 60
    with socket.socket(socket.AF_UNIX) as client:
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError):
                client.connect(str(path))
                return
            time.sleep(0.02)
    raise SystemExit(f"the daemon's double doesn't start: {(MAC / 'daemon.log').read_text()}")


def stop() -> None:
    """Shut the VM down; its socket stays, and nobody answers."""
    running = pid()
    if running is not None:
        os.kill(running, signal.SIGKILL)
    (MAC / "pid").unlink(missing_ok=True)


def pid() -> int | None:
    """The running daemon's process."""
    with contextlib.suppress(OSError, ValueError):
        found = int((MAC / "pid").read_text())
        os.kill(found, 0)
        return found
    return None


def docker() -> int:
    """The CLI; `docker desktop` is there unless the file `old` says that it came later."""
    if WORDS[:1] == ["version"]:
        if pid() is None:
            sys.exit("Cannot connect to the Docker daemon. Is the docker daemon running?")
        print(json.dumps(SERVER))
        return 0
    if WORDS[:1] != ["desktop"] or (MAC / "old").exists():
        sys.exit("docker: 'desktop' is not a docker command.")
    if WORDS[1] == "stop":
        quit_desktop()
    elif WORDS[1] == "start":
        start_desktop()
    return 0


def settings() -> Path:
    """The file that its version uses."""
    return DESKTOP / ("settings.json" if (MAC / "old").exists() else "settings-store.json")


def quit_desktop() -> None:
    """Docker Desktop writes its settings once more when it quits."""
    if pid() is not None:
        said = json.loads(settings().read_text())
        settings().write_text(json.dumps({**said, "LastQuit": time.time()}, indent=2))
    stop()


def start_desktop() -> None:
    """It reads its settings, and has a default for what they leave out."""
    said = {key.lower(): it for key, it in json.loads(settings().read_text()).items()}
    size = (said.get("cpus") or 14, said.get("memorymib") or 8092)
    start(".docker/run/docker.sock", size)


def osascript() -> int:
    """`quit app "Docker"`."""
    quit_desktop()
    return 0


def open_application() -> int:
    """`open -a Docker`."""
    start_desktop()
    return 0


def pgrep() -> int:
    """Whether Docker Desktop's backend runs."""
    return 1 if pid() is None else 0


def colima() -> int:
    """Keeps each profile's size: `start` with options writes it, then boots unless it runs."""
    directory = Path(os.environ.get("COLIMA_HOME", HOME / ".colima"))
    verb, profile = WORDS[0], option("--profile", "default")
    file = directory / profile / "colima.json"
    kept = json.loads(file.read_text()) if file.exists() else {"cpu": 2, "memory": 2}
    if verb == "list":
        instance = {"name": profile, "cpus": kept["cpu"], "memory": kept["memory"] * 2**30}
        print(json.dumps({"name": "other", "cpus": 1, "memory": 2**30}))
        print(json.dumps({**instance, "status": "Running", "arch": "aarch64"}))
    elif verb == "stop":
        stop()
    else:
        kept = {key: int(option(f"--{key}", str(it))) for key, it in kept.items()}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(kept))
        place = f"{directory.relative_to(HOME)}/{profile}/docker.sock"
        start(place, (kept["cpu"], kept["memory"] * 1024))
    return 0


def option(name: str, default: str) -> str:
    """The word after an option."""
    return WORDS[WORDS.index(name) + 1] if name in WORDS else default


def orb() -> int:
    """`config get`, `config set`, which counts from the next start, `stop` and `start`."""
    file = HOME / ".orbstack/vmconfig.json"
    kept = json.loads(file.read_text())
    match WORDS:
        case ["config", "get", key]:
            print(kept[key])
        case ["config", "set", key, value]:
            file.write_text(json.dumps({**kept, key: int(value)}))
            print('Restart OrbStack with "orb stop" to apply changes.')
        case ["stop"]:
            stop()
        case ["start"]:
            start(".orbstack/run/docker.sock", (kept["cpu"], kept["memory_mib"]))
    return 0


def brew() -> int:
    """Installs Colima and Docker's CLI beside itself."""
    if "colima" in WORDS:
        for name in ("colima", "docker"):
            (MAC / "bin" / name).symlink_to(MAC / "cellar" / name)
    return 0


sys.exit(main())
