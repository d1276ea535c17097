"""What a visitor loses while services are replaced: pages, and messages over a WebSocket."""

import json
from pathlib import Path

from bench.command import BenchError, run
from bench.host import converge, lab_hosts
from bench.inside import running_inside
from bench.result import Result, Target

CHANGED = ("backend", "websocket", "frontend")
"""All that nginx leads visitors to."""


def replacement(directory: Path, rounds: int) -> Result:
    """Replace the services that a visitor sees, `rounds` times."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    seconds = []
    with running_inside(host, "visitor.py", directory) as visitor:
        for number in range(1, rounds + 1):
            changed = {name: {"environment": {"ROUND": str(number)}} for name in CHANGED}
            deploy = run(host.pyinfra("deploy.py", "--data", f"overrides={json.dumps(changed)}"))
            if deploy.output.count("environment ROUND") < len(CHANGED):
                raise BenchError(f"the deploy replaced less than {CHANGED}:\n{deploy.output}")
            seconds.append(deploy.wall_s)
    run(host.pyinfra("deploy.py"))
    found = visitor.found
    for failure in found["failed"][:20]:
        print(failure)
    return Result(
        "replacement",
        f"{rounds} deploys that replace {', '.join(CHANGED)} under a visitor's eyes",
        {
            "deploy, s": seconds,
            "requests": [found["requests"]],
            "messages": [found["published"]],
            "WebSocket connections": [found["connections"]],
        },
        (
            Target("requests failed", len(found["failed"]), 0),
            Target("messages missing", found["missing"], 0),
            Target("messages doubled", found["doubled"], 0),
        ),
    )
