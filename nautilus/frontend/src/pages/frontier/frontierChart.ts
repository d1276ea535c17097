import uPlot from "uplot";

import type { Frontier, FrontierPoint } from "../../api/portfolio";
import type { ChartOptions } from "../../parts/Chart";
import { axis, type Colors } from "../../parts/colors";
import { formatSmallPercent } from "../../parts/format";

const INSTRUMENTS = 2;

/** Columns: volatility, then the mean return of the curve, the instruments, the chosen point. */
export function frontierColumns(frontier: Frontier, chosen: FrontierPoint): uPlot.AlignedData {
  const columns = (points: { volatility: number; mean_return: number }[]): uPlot.AlignedData => {
    const sorted = points.toSorted((one, other) => one.volatility - other.volatility);
    return [sorted.map((point) => point.volatility), sorted.map((point) => point.mean_return)];
  };
  return uPlot.join([columns(frontier.points), columns(frontier.instruments), columns([chosen])]);
}

/** The frontier as a line, the instruments and the chosen portfolio as points. */
export function frontierChart(frontier: Frontier): (colors: Colors) => ChartOptions {
  const names = new Map(frontier.instruments.map((it) => [it.volatility, it.symbol]));
  return (colors) => ({
    padding: [16, 48, 0, 0],
    scales: { x: { time: false, range: roomy }, y: { range: roomy } },
    axes: [
      { ...axis(colors), values: percents, label: "Volatility", labelSize: 20 },
      { ...axis(colors), values: percents, label: "Mean return", labelSize: 20, size: 72 },
    ],
    cursor: { show: false },
    legend: { show: false },
    series: [
      {},
      { stroke: colors.accent, width: 2.5, spanGaps: true, points: { show: false } },
      { paths: () => null, points: { show: true, size: 8, fill: colors.quiet, width: 0 } },
      {
        paths: () => null,
        points: { show: true, size: 14, fill: colors.second, stroke: colors.text, width: 2 },
      },
    ],
    hooks: {
      drawSeries: [
        (chart, series) => series === INSTRUMENTS && writeNames(chart, names, colors.text),
      ],
    },
  });
}

function writeNames(chart: uPlot, names: Map<number, string>, color: string): void {
  const { ctx, data } = chart;
  ctx.save();
  ctx.fillStyle = color;
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  data[0].forEach((volatility, at) => {
    const mean = data[INSTRUMENTS]?.[at];
    if (mean != null) {
      const x = chart.valToPos(volatility, "x", true) + 8 * devicePixelRatio;
      ctx.fillText(names.get(volatility) ?? "", x, chart.valToPos(mean, "y", true));
    }
  });
  ctx.restore();
}

function percents(_: uPlot, values: number[]): string[] {
  return values.map(formatSmallPercent);
}

function roomy(_: uPlot, low: number, high: number): [number, number] {
  const room = (high - low || Math.abs(high) || 1) * 0.1;
  return [low - room, high + room];
}

