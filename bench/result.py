"""What a benchmark found: figures, and the ratios that have a target."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Target:
    """One figure with the most that it may be."""

    what: str
    value: float
    most: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure is within its target."""
        return self.value <= self.most

    @property
    def sentence(self) -> str:
        """drydock / compose 0.81, at most 1: met."""
        unit = f" {self.unit}" if self.unit else ""
        verdict = "met" if self.met else "MISSED"
        return f"{self.what} {self.value:.3g}{unit}, at most {self.most:g}{unit}: {verdict}"


@dataclass(frozen=True)
class Result:
    """One benchmark's samples and verdict."""

    benchmark: str
    measures: str
    samples: Mapping[str, Sequence[float]]
    """What was measured, with its unit → one figure a round."""
    targets: tuple[Target, ...]

    def lines(self) -> list[str]:
        """The result for a person."""
        width = max(map(len, self.samples))
        return [
            f"{self.benchmark}: {self.measures}",
            *(
                f"  {name:{width}}  median {median(values):.2f}"
                f"  ({', '.join(f'{value:.2f}' for value in values)})"
                for name, values in self.samples.items()
            ),
            *(f"  {target.sentence}" for target in self.targets),
        ]

    def as_json(self) -> dict[str, object]:
        """The result for a program."""
        return {
            "benchmark": self.benchmark,
            "measures": self.measures,
            "samples": {name: list(values) for name, values in self.samples.items()},
            "medians": {name: median(values) for name, values in self.samples.items()},
            "targets": [{**asdict(target), "met": target.met} for target in self.targets],
        }


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Median of the rounds' ratios: the rounds' noise is common to both sides of each."""
    return median(a / b for a, b in zip(one, other, strict=True))
