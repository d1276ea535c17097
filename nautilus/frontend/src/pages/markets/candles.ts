import uPlot from "uplot";

import type { Bar } from "../../api/marketdata";
import type { ChartOptions } from "../../parts/Chart";
import { axis, type Colors, faded } from "../../parts/colors";
import { formatCompact, formatPrice } from "../../parts/format";

const WIDTH = 0.65;
const VOLUME_PART = 5;
const [OPEN, HIGH, LOW, CLOSE] = [1, 2, 3, 4] as const;

/** Bars as columns: time, open, high, low, close, volume. */
export function columns(bars: Bar[]): uPlot.AlignedData {
  return [
    bars.map((bar) => Date.parse(bar.at) / 1000),
    bars.map((bar) => bar.open),
    bars.map((bar) => bar.high),
    bars.map((bar) => bar.low),
    bars.map((bar) => bar.close),
    bars.map((bar) => bar.volume),
  ];
}

/** Candles above their volume. */
export function candleChart(colors: Colors): ChartOptions {
  // Without a line of their own: these four make the candle.
  const part = (label: string): uPlot.Series => ({
    label,
    paths: () => null,
    points: { show: false },
    value: (_, value) => (value == null ? "–" : formatPrice(value)),
  });
  return {
    padding: [12, 8, 0, 0],
    scales: {
      x: { range: withRoom },
      volume: { range: (_, __, most) => [0, (most || 1) * VOLUME_PART] },
    },
    axes: [
      axis(colors),
      { ...axis(colors), size: 72, values: (_, prices) => prices.map(formatPrice) },
    ],
    cursor: { y: false, points: { show: false } },
    series: [
      { value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
      part("Open"),
      part("High"),
      part("Low"),
      part("Close"),
      {
        label: "Volume",
        scale: "volume",
        ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [WIDTH, 24] }) }),
        fill: faded(colors.accent, 0.25),
        points: { show: false },
        value: (_, value) => (value == null ? "–" : formatCompact(value)),
      },
    ],
    hooks: { drawSeries: [(chart, series) => series === CLOSE && drawCandles(chart, colors)] },
  };
}

/** A bar's width more on each side, so that the first and the last are seen whole. */
function withRoom(chart: uPlot, first: number, last: number): [number, number] {
  const times = chart.data[0];
  const gaps = times.slice(1).map((time, before) => time - (times[before] ?? 0));
  const width = gaps.length > 0 ? Math.min(...gaps) : 60;
  return [first - width, last + width];
}

function drawCandles(chart: uPlot, colors: Colors): void {
  const { ctx, data } = chart;
  const [first, last] = chart.series[0]?.idxs ?? [0, -1];
  const width = candleWidth(chart, last - first + 1);
  ctx.save();
  ctx.lineWidth = Math.max(1, devicePixelRatio);
  for (let at = first; at <= last; at += 1) {
    const [open, high, low, close] = [OPEN, HIGH, LOW, CLOSE].map((column) =>
      chart.valToPos(data[column]?.[at] ?? 0, "y", true),
    ) as [number, number, number, number];
    const x = Math.round(chart.valToPos(data[0][at] ?? 0, "x", true));
    // The higher the price, the smaller the pixel.
    ctx.fillStyle = ctx.strokeStyle = close <= open ? colors.rise : colors.fall;
    ctx.beginPath();
    ctx.moveTo(x, high);
    ctx.lineTo(x, low);
    ctx.stroke();
    const body = Math.max(Math.abs(open - close), ctx.lineWidth);
    ctx.fillRect(x - width / 2, Math.min(open, close), width, body);
  }
  ctx.restore();
}

function candleWidth(chart: uPlot, count: number): number {
  const room = (chart.bbox.width / Math.max(count, 1)) * WIDTH;
  return Math.max(1, Math.min(room, 14 * devicePixelRatio));
}
