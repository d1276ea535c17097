"""A run with nothing to do, against Ansible and against bare `docker compose up -d`."""

from collections.abc import Callable
from pathlib import Path

from bench import ansible
from bench.command import BenchError, Finished, run
from bench.host import Host, converge, lab_hosts, nothing_to_do
from bench.result import Result, Target, ratio


def nothing(directory: Path, rounds: int) -> Result:
    """Time the three of them in turn, so that a busy moment meets each alike."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    playbook = ansible.prepare(host, directory)
    # Compose takes for stale what was created without its dependencies: let it be content first.
    run(compose_up(host))
    converge([host])
    contenders: dict[str, Callable[[], Finished]] = {
        "drydock s": lambda: nothing_to_do([host]),
        "ansible s": playbook.run,
        "compose s": lambda: _compose(host),
    }
    for contend in contenders.values():
        contend()
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contend in contenders.items():
            samples[name].append(contend().wall_s)
    ours = samples["drydock s"]
    return Result(
        "nothing",
        "16 services, nothing to do, over SSH; Drydock and Ansible verify the endpoints too",
        samples,
        (
            Target("drydock / ansible", ratio(ours, samples["ansible s"]), 0.2),
            Target("drydock / compose", ratio(ours, samples["compose s"]), 1.0),
        ),
    )


def compose_up(host: Host) -> list[str]:
    """The command that lets Compose bring the stack up, over a connection of its own."""
    file = f"{host.directory}/current/{host.compose_file}"
    return host.ssh(host.docker("compose", "--file", file, "up", "--detach"))


def _compose(host: Host) -> Finished:
    finished = run(compose_up(host))
    if any(word in finished.output for word in ("Creat", "Recreat", "Start")):
        raise BenchError(f"compose had something to do:\n{finished.output}")
    return finished
