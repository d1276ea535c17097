"""What the dashboards are made of: panels with their queries, and what all have in common."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
from grafana_foundation_sdk.models.common import (
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
TAG = "nautilus"
WIDTH = 24
# What clients ask; the health check and Prometheus itself ask all the time.
ASKED = 'route!~"/health|/metrics.*"'

Queries = Mapping[str, str]
"""Legend, with `{{label}}` for a label's value → PromQL."""


def dashboard(uid: str, title: str, description: str) -> Dashboard:
    """An empty dashboard that shows when something was deployed, and leads to the others."""
    deployed = (
        AnnotationQuery()
        .name("Deploys")
        .datasource(PROMETHEUS)
        .enable(True)
        .icon_color("blue")
        .expr("drydock_deploy_last_timestamp_seconds * 1000")
        .use_value_for_time(True)
        .title_format("Deployed")
        .step("60s")
    )
    others = (
        DashboardLink("Nautilus")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .keep_time(True)
    )
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .readonly()
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .annotation(deployed)
        .link(others)
    )


def lines(
    title: str, unit: str, queries: Queries, *, about: str = "", most: float | None = None
) -> timeseries.Panel:
    """Lines over time, a third of the width."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .unit(unit)
        .min(0)
        .height(8)
        .span(WIDTH // 3)
        .fill_opacity(8)
        .show_points(VisibilityMode.NEVER)
        .legend(
            VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .targets(_targets(queries))
    )
    return panel if most is None else panel.max(most)


def number(
    title: str,
    unit: str,
    expression: str,
    *,
    about: str = "",
    marks: Mapping[float, str] | None = None,
    words: Mapping[str, str] | None = None,
) -> stat.Panel:
    """The last value, a sixth of the width.

    + marks: from which value on it has which colour
    + words: what to show instead of a value
    """
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .unit(unit)
        .height(4)
        .span(WIDTH // 6)
        .no_value("not known")
        .reduce_options(_last())
        .thresholds(_thresholds(marks or {}))
        .mappings(_words(words or {}))
        .targets(_targets({"": expression}))
    )


def bars(title: str, unit: str, queries: Queries, *, about: str = "") -> bargauge.Panel:
    """The last values as bars from 0 to 1 of a whole, a third of the width."""
    return (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .unit(unit)
        .min(0)
        .max(1)
        .height(12)
        .span(WIDTH // 3)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(_last())
        .thresholds(_thresholds({0.8: "orange", 0.95: "red"}))
        .targets(_targets(queries))
    )


def states(
    title: str, queries: Queries, words: Mapping[str, tuple[str, str]], *, about: str = ""
) -> statetimeline.Panel:
    """States over time, over the whole width.

    + words: for a value its word and its colour
    """
    results = {
        it: ValueMappingResult(text=word, color=color) for it, (word, color) in words.items()
    }
    return (
        statetimeline.Panel()
        .title(title)
        .description(about)
        .datasource(PROMETHEUS)
        .height(8)
        .span(WIDTH)
        .show_value(VisibilityMode.NEVER)
        .mappings([ValueMap(results)])
        .targets(_targets(queries))
    )


def _targets(queries: Queries) -> list[Builder[AnyQuery]]:
    return [
        Dataquery()
        .datasource(PROMETHEUS)
        .expr(expression)
        .legend_format(legend)
        .range()
        .ref_id(chr(ord("A") + number))
        for number, (legend, expression) in enumerate(queries.items())
    ]


def _last() -> ReduceDataOptions:
    return ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _thresholds(marks: Mapping[float, str]) -> ThresholdsConfig:
    steps = [Threshold(None, "green"), *(Threshold(mark, color) for mark, color in marks.items())]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _words(words: Mapping[str, str]) -> list[ValueMapping]:
    results = {value: ValueMappingResult(text=word) for value, word in words.items()}
    return [ValueMap(results)] if words else []
