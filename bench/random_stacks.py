"""Random stacks on every recorded chip."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from stack.planner.clusters import Cores, clusters_of
from stack.planner.demands import Demand
from stack.planner.every_chip import recorded

MACS = Path("lab/macs")
USUAL_CPUS = (0.1, 0.25, 0.5, 0.5, 1, 1, 1.5, 2, 2, 3, 3, 4, 6)


@dataclass(frozen=True)
class Case:
    """A stack on a chip, as random as its seed."""

    chip: str
    clusters: tuple[Cores, ...]
    cpus: Mapping[str, float]
    dedicated: frozenset[str]

    @property
    def cores(self) -> int:
        """How many the chip has."""
        return sum(map(len, self.clusters))

    @property
    def demands(self) -> dict[str, Demand]:
        """The services, as the planner is asked to place them."""
        return {
            name: Demand(
                cpus=amount,
                memory_bytes=2**30,
                reservation_bytes=None,
                cpuset=None,
                dedicated=name in self.dedicated,
                pinned=True,
                workers=1,
                written_for_cpus=1,
                literal=frozenset(),
            )
            for name, amount in self.cpus.items()
        }


def random_cases(count: int, seed: int = 0, services: range = range(2, 31)) -> Iterable[Case]:
    """Random stacks, each chip in turn, of so many services; the same for the same seed."""
    chips = {chip.name + str(chip.levels): chip for chip in recorded(MACS)}.values()
    chance = Random(seed)  # noqa: S311 - nothing secret: the seed makes it repeatable
    for number in range(count):
        chip = list(chips)[number % len(chips)]
        cores = sum(level.cores for level in chip.levels)
        round_sizes = chance.random() < 0.5
        cpus = {
            f"service-{index}": min(
                cores, chance.choice(USUAL_CPUS) if round_sizes else chance.randint(5, 600) / 100
            )
            for index in range(chance.choice(services))
        }
        dedicated = frozenset(chance.sample(sorted(cpus), min(chance.choice((0, 0, 1, 2)), 2)))
        yield Case(chip.name, clusters_of(chip, cores), cpus, dedicated)
