import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.quantities import cores_of, count, memory_bytes, show_cores, show_memory


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("2 GiB", 2**31), ("0.5GiB", 2**29), ("36 GB", 36 * 10**9), ("100 kB", 10**5), (7, 7)],
)
def test_a_memory_size_is_read_with_its_unit(written, size_bytes):
    assert memory_bytes(written) == size_bytes


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2 XB", "write one of B, KiB, MiB"),
        ("2", "write one of"),
        ("-1 GiB", "more than zero"),
        ("0 GiB", "more than zero"),
        (0, "more than zero"),
        ("much", "is no memory size"),
        ("", "is no memory size"),
        (True, "is no memory size"),
        (None, "is no memory size"),
        (1.5, "is no memory size"),
    ],
)
def test_a_wrong_memory_size_is_refused(written, said):
    with pytest.raises(ValueError, match=said):
        memory_bytes(written)


def test_a_memory_size_of_any_length_is_read():
    assert memory_bytes("9" * 400 + " GiB") > 10**400


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(2**31, "2 GiB"), (2**29, "512 MiB"), (1536 * 2**20, "1.5 GiB"), (5, "5 B")],
)
def test_a_memory_size_is_shown_in_its_largest_unit(size_bytes, shown):
    assert show_memory(size_bytes) == shown


@pytest.mark.parametrize(
    ("cpuset", "said"),
    [("a", "no cpuset"), ("7-4", "runs backwards"), ("", "empty"), ("1,,2", "no cpuset")],
)
def test_a_wrong_cpuset_is_refused(cpuset, said):
    with pytest.raises(ValueError, match=said):
        cores_of(cpuset)


@settings(deadline=None)
@given(st.sets(st.integers(0, 200), min_size=1))
def test_cores_come_back_as_they_were_shown(cores):
    assert cores_of(show_cores(tuple(cores))) == tuple(sorted(cores))


def test_a_count_has_its_plural():
    assert (count(1, "core"), count(3, "core")) == ("1 core", "3 cores")
