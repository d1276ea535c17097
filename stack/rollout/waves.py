"""Which hosts a rollout deploys to first, and which then."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from stack.errors import DrydockError


@dataclass(frozen=True)
class Listed:
    """A host of the inventory."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wave:
    """Hosts that are deployed to at once."""

    name: str
    hosts: tuple[str, ...]


def chosen(inventory: str, listed: Iterable[Listed], limits: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the hosts that `--limit` means, by group, name or pattern, in the inventory's order.

    DrydockError when that is none, or when a limit means no host.
    """
    known = list(listed)
    if not known:
        raise DrydockError(f"{inventory}: names no host; name a file with some, or some hosts")
    for limit in limits:
        if not any(_means(limit, host) for host in known):
            names = ", ".join(host.name for host in known)
            raise DrydockError(f"--limit {limit}: no host or group is called so; hosts: {names}")
    return tuple(
        host.name for host in known if not limits or any(_means(each, host) for each in limits)
    )


def _means(limit: str, host: Listed) -> bool:
    return limit in host.groups or fnmatchcase(host.name, limit)


def waves_of(hosts: Sequence[str], canary: str, sizes: str) -> tuple[Wave, ...]:
    """Part hosts into a canary wave and others, each host in one of them.

    + canary: how many of the first hosts, or names with commas between; 0 is none
    + sizes: of the waves after it, with commas between, the last one again and again: a number, or
      a percentage of all hosts, rounded down, of which one is the least

    DrydockError says what is wrong with either.
    """
    first = _canaries(hosts, canary)
    left = [host for host in hosts if host not in first]
    steps = [_size(each.strip(), len(hosts)) for each in sizes.split(",")]
    waves = [Wave("canary", first)] if first else []
    number = 0
    while left:
        size = steps[min(number, len(steps) - 1)]
        number += 1
        waves.append(Wave(f"wave {number}", tuple(left[:size])))
        left = left[size:]
    return tuple(waves)


def _canaries(hosts: Sequence[str], said: str) -> tuple[str, ...]:
    names = [name.strip() for name in said.split(",")]
    unknown = [name for name in names if name not in hosts]
    if not unknown:
        return tuple(host for host in hosts if host in names)
    if not (said.isascii() and said.isdigit()):
        raise DrydockError(
            f"--canary {said}: {unknown[0]!r} is none of the hosts {', '.join(hosts)};"
            " write their names with commas between, or how many"
        )
    if int(said) > len(hosts):
        raise DrydockError(f"--canary {said}: there are {len(hosts)} hosts; write a smaller number")
    return tuple(hosts[: int(said)])


def _size(said: str, count: int) -> int:
    number = said.removesuffix("%")
    value = int(number) if number.isascii() and number.isdigit() else 0
    if value == 0 or (said.endswith("%") and value > 100):
        raise DrydockError(
            f"--waves: {said!r} is no size of a wave; write a number from 1, or a percentage of"
            " the hosts from 1% to 100%, such as --waves 25% or --waves 1,50%"
        )
    return max(1, value * count // 100) if said.endswith("%") else value
