"""What the monitor takes of a Mac: CPU and memory, averaged over the time between two looks."""

import plistlib
import shlex
from itertools import pairwise
from pathlib import Path

from bench.command import BenchError, run
from bench.host import Host, converge, lab_hosts
from bench.result import Result, Target
from stack.release.launchd import INTERVAL_S, label_of

MIB = 1024**2
SAMPLE_S = 0.05
# One look in a session of its own, whose memory is read again and again; what it and all that it
# started used of the CPU comes at the end, from the shell's own `times`.
WATCH = f"""
setsid sh -c 'sh "$0"; times' "$1" >/tmp/look &
look=$!
while kill -0 $look 2>/dev/null; do
    echo "$(date +%s.%N) $(ps -o rss= -s $look | awk '{{ kib += $1 }} END {{ print kib + 0 }}')"
    sleep {SAMPLE_S}
done
wait $look && tail -n 1 /tmp/look
"""


def monitor(directory: Path, rounds: int) -> Result:
    """Let the monitor look at the whole stack, again and again."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    # launchd's own look would come between.
    label = f"user/{run(host.ssh('id -u')).output.strip()}/{label_of(host.stack.name)}"
    run(host.ssh(f"launchctl bootout {label}"))
    try:
        looks = [_look(host) for _ in range(rounds)]
    finally:
        converge([host])
    samples = {
        "CPU s a look": [cpu_s for cpu_s, _, _ in looks],
        "CPU of one core, %": [cpu_s / INTERVAL_S * 100 for cpu_s, _, _ in looks],
        "memory while it looks, most, MiB": [most / MIB for _, most, _ in looks],
        "memory on average, MiB": [mean / MIB for _, _, mean in looks],
    }
    return Result(
        "monitor",
        f"one look every {INTERVAL_S} s at {len(host.stack.services)} containers; what the daemon"
        " does for it inside the VM is not counted",
        samples,
        (
            Target("CPU of one core", max(samples["CPU of one core, %"]), 0.5, "%"),
            Target("memory on average", max(samples["memory on average, MiB"]), 20, "MiB"),
        ),
    )


def _look(host: Host) -> tuple[float, float, float]:
    """CPU seconds, most bytes at once, and bytes averaged over the time between two looks."""
    place = f"{host.directory}/monitor"
    plist = run(host.ssh(f"cat {shlex.quote(place)}/{label_of(host.stack.name)}.plist")).output
    variables = plistlib.loads(plist.encode())["EnvironmentVariables"]
    words = ["env", *(f"{key}={value}" for key, value in variables.items())]
    script = shlex.join([*words, "sh", "-c", WATCH, "watch", f"{place}/monitor.sh"])
    *lines, used = run(host.ssh(script)).output.splitlines()
    seen = [(float(at), int(kib) * 1024) for at, kib in map(str.split, lines)]
    if len(seen) < 2:
        raise BenchError(f"the monitor was over before it was seen:\n{used}")
    taken = sum(before[1] * (after[0] - before[0]) for before, after in pairwise(seen))
    return sum(map(_seconds, used.split())), max(it for _, it in seen), taken / INTERVAL_S


def _seconds(text: str) -> float:
    """Seconds of `0m1.25s`."""
    minutes, _, seconds = text.removesuffix("s").partition("m")
    return int(minutes) * 60 + float(seconds)
