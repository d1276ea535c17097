"""Where the report's pictures put things."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stack.report.measured import Span
from stack.report.model import Place, ShownMap
from stack.report.picture import core_pictures, memory_rows
from stack.report.time_picture import start_picture, work_picture
from stack.report.timeline import waits
from tests.reported import LEVELS, STARTS, demo_report


def shown(cpus, loads, **cpusets):
    services = {
        name: Place(cpuset=cpuset, cpus=1, memory_bytes=1) for name, cpuset in cpusets.items()
    }
    return ShownMap(
        title="t", source="s", cpus=cpus, services=services, levels=LEVELS, core_loads=loads
    )


def core_picture(of):
    """One map, alone."""
    (picture,) = core_pictures([of])
    return picture


def spread(bars):
    return [(pytest.approx(bar.x), pytest.approx(bar.width)) for bar in bars]


def test_a_service_has_a_bar_for_each_run_of_its_cores():
    picture = core_picture(shown(10, (0.5,) * 10, factor="4-6,8", page=None))
    (row,) = picture.rows
    assert [(bar.x, bar.width) for bar in row.bars] == spread(row.bars)
    assert [(round(bar.x), round(bar.width)) for bar in row.bars] == [(40, 30), (80, 10)]
    assert picture.anywhere == ("page 1",)


def test_a_core_is_as_high_as_what_it_carries():
    picture = core_picture(shown(2, (4.5, 1.0), a="0", b="1"))
    high, low = picture.columns
    assert low.height_px == pytest.approx(high.height_px / 4.5)
    assert low.height_px == pytest.approx(picture.one_cpu_px)


def test_maps_beside_each_other_have_one_scale():
    calm, busy = core_pictures([shown(1, (1.5,), a="0"), shown(1, (4.5,), a="0")])
    assert calm.columns[0].height_px == pytest.approx(busy.columns[0].height_px / 3)
    assert calm.one_cpu_px == busy.one_cpu_px
    assert core_pictures([shown(1, (1.0,))]) == ()


def test_levels_follow_each_other_and_end_with_the_cores():
    picture = core_picture(shown(4, (0,) * 4, a="0"))
    assert [(band.words, band.across.x, band.across.width) for band in picture.bands] == [
        ("Performance: 3", 0, 75),
        ("Efficiency: 1", 75, 25),
    ]


def test_a_map_for_fewer_cores_shows_the_levels_that_it_has():
    picture = core_picture(shown(2, (0, 0), a="0"))
    assert [band.words for band in picture.bands] == ["Performance: 2"]


def test_a_start_up_is_drawn_to_scale():
    needs = {it.name: it.needs for it in demo_report().services}
    phases = {it.name: it.phase for it in demo_report().services}
    store, risk, page = start_picture(waits(STARTS, needs, phases)).rows
    assert (store.wait, store.work.x, store.work.width, store.after_row) == (None, 0, 50, None)
    assert (risk.wait.width, risk.work.x, risk.work.width, risk.after_row) == (50, 50, 37.5, 0)
    assert (page.work.x, page.after_row) == (87.5, 1)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(0, 1e4)).map(
            lambda it: Span("build", "x", it[0], it[0] + it[1], "built")
        ),
        min_size=1,
    )
)
@example([Span("build", "x", 0, 2.2e-309, "built")])
def test_nothing_is_drawn_outside_and_time_has_few_marks(spans):
    picture = work_picture(spans)
    assert all(row.work.x >= 0 and row.work.x + row.work.width <= 100.5 for row in picture.rows)
    assert len(picture.ticks) <= 7
    assert all(0 <= across <= 100 + 1e-6 for across, _ in picture.ticks)


def test_memory_is_on_the_scale_of_the_largest_limit():
    small, large = memory_rows({"small": (1, 4), "large": (8, 16)})
    assert (small.used.width, small.limit.width) == (6.25, 25)
    assert (large.used.width, large.limit.width) == (50, 100)


def test_no_memory_is_no_row():
    assert memory_rows({}) == ()
