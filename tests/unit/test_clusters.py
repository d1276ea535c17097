import pytest

from stack.model import Chip, CoreLevel
from stack.planner.clusters import clusters_of


def chip(*levels):
    made = tuple(CoreLevel(name="x", cores=cores, cores_per_l2=each) for cores, each in levels)
    return Chip(name="demo", tag="demo", levels=made, memory_bytes=2**35)


@pytest.mark.parametrize(
    ("levels", "cpus", "sizes"),
    [
        ([(10, 5), (4, 4)], 14, [5, 5, 4]),
        ([(10, 5), (4, 4)], 8, [5, 3]),
        ([(10, 5), (4, 4)], 16, [5, 5, 4, 2]),
        ([(10, None), (4, None)], 14, [10, 4]),
        ([(5, 4)], 5, [4, 1]),
        ([(8, 4)], 1, [1]),
    ],
)
def test_cores_are_grouped_as_the_chips_l2_caches(levels, cpus, sizes):
    clusters = clusters_of(chip(*levels), cpus)
    assert [len(cluster) for cluster in clusters] == sizes
    assert sum(clusters, ()) == tuple(range(cpus))
