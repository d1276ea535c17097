"""Group a daemon's cores as the host's cores are grouped around their L2 caches."""

from stack.model import Chip

Cores = tuple[int, ...]


def clusters_of(chip: Chip, cpus: int) -> tuple[Cores, ...]:
    """Cut the cores of a daemon into runs as long as the chip's L2 clusters, level by level.

    A virtual CPU is a thread that macOS moves between cores, so a group is not a cache: it is the
    size of neighbourhood that the chip's caches suggest, and where a level says none, the level's.

    + cpus: the daemon's, which may be fewer than the chip's cores, or more
    """
    sizes = [size for level in chip.levels for size in _sizes(level.cores, level.cores_per_l2)]
    groups: list[Cores] = []
    first = 0
    for size in [*sizes, cpus]:
        last = min(first + size, cpus)
        if last > first:
            groups.append(tuple(range(first, last)))
        first = last
    return tuple(groups)


def _sizes(cores: int, cores_per_l2: int | None) -> list[int]:
    each = cores_per_l2 or cores
    whole, rest = divmod(cores, each)
    return [each] * whole + ([rest] if rest else [])
