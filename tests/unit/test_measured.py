import pytest

from stack.report.measured import Answer, Row, Usage, table, usage_between
from tests.demo import GIB


def sample(read, cpu_ns, usage=0, limit=GIB, stats=None):
    return {
        "read": read,
        "cpu_stats": {"cpu_usage": {"total_usage": cpu_ns}},
        "memory_stats": {"usage": usage, "limit": limit, "stats": stats or {}},
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2026-01-02T03:04:05.5Z", "2026-01-02T03:04:07.5Z"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:07.000000000Z"),
        ("2026-01-02T23:59:59.25Z", "2026-01-03T00:00:01.25Z"),
        ("2026-01-02T03:04:05.123+02:00", "2026-01-02T03:04:07.123+02:00"),
        ("2026-01-02T03:04:05-07:00", "2026-01-02T03:04:07-07:00"),
        ("2026-03-29T01:59:59+01:00", "2026-03-29T03:00:01+02:00"),
    ],
)
def test_cpu_is_time_used_over_time_passed(first, second):
    usage = usage_between(sample(first, 10**9), sample(second, 4 * 10**9))
    assert usage.cpu_percent == pytest.approx(150)
    assert usage.over_s == pytest.approx(2)


def test_nanoseconds_count():
    usage = usage_between(
        sample("2026-01-02T03:04:05.000000001Z", 0), sample("2026-01-02T03:04:05.000000003Z", 1)
    )
    assert usage.cpu_percent == pytest.approx(50)


def test_one_moment_says_nothing_of_the_cpu():
    once = sample("2026-01-02T03:04:05Z", 10**9)
    assert usage_between(once, once).cpu_percent is None


@pytest.mark.parametrize("key", ["inactive_file", "total_inactive_file"])
def test_file_pages_that_can_be_dropped_are_not_counted(key):
    second = sample("2026-01-02T03:04:07Z", 0, usage=GIB, stats={key: GIB // 4})
    usage = usage_between(sample("2026-01-02T03:04:05Z", 0), second)
    assert (usage.memory_bytes, usage.limit_bytes) == (GIB * 3 // 4, GIB)


def test_a_container_that_just_ended_uses_nothing():
    ended = sample("0001-01-01T00:00:00Z", 0) | {"memory_stats": {}}
    usage = usage_between(ended, ended)
    assert (usage.cpu_percent, usage.memory_bytes, usage.limit_bytes) == (None, 0, 0)


def row(**fields):
    return Row(
        **{
            "service": "risk",
            "image": "demo-risk:m4max 0123456789ab",
            "cores": "0-1",
            "usage": Usage(12.34, GIB // 2, 2 * GIB, 1.5),
            "health": "healthy",
            "answer": Answer("http://127.0.0.1:8200/health", None, 4.4),
            "seconds_to_healthy": 3.21,
            **fields,
        }
    )


def test_a_table_shows_what_was_measured():
    heading, line = table([row()])
    assert heading.split() == [
        "service", "image", "cores", "CPU", "%", "memory", "health", "endpoint", "to", "healthy",
    ]  # fmt: skip
    assert [cell.strip() for cell in line.split("  ") if cell.strip()] == [
        "risk", "demo-risk:m4max 0123456789ab", "0-1", "12.3", "512 MiB of 2 GiB", "healthy",
        "200 in 4 ms", "3.2 s",
    ]  # fmt: skip


def test_what_was_not_measured_is_said_so():
    line = table([row(usage=None, answer=None, seconds_to_healthy=None, health="missing")])[1]
    assert line.split() == [
        "risk", "demo-risk:m4max", "0123456789ab", "0-1", "-", "-", "missing", "-", "earlier",
    ]  # fmt: skip


def test_an_endpoint_that_fails_says_why():
    line = table([row(answer=Answer("http://x", "answers 503: busy", 9.0))])[1]
    assert "answers 503: busy" in line


def test_columns_line_up():
    lines = table([row(), row(service="a-much-longer-name", cores="any of 0-13")])
    starts = {line.index("demo-risk") for line in lines[1:]} | {lines[0].index("image")}
    assert len(starts) == 1
