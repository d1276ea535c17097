import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./chart.css";

import { onColorsChanged } from "../shell/theme";
import { chartColors, type Colors } from "./colors";

export type ChartOptions = Omit<uPlot.Options, "width" | "height">;

interface Props {
  /** What the chart shows, for those who do not see it. */
  label: string;
  data: uPlot.AlignedData;
  /** Give the same function as long as the chart is the same: a new one draws it anew. */
  options: (colors: Colors) => ChartOptions;
  height?: number;
}

/** A canvas chart as wide as its place, in the page's colors. */
export function Chart({ label, data, options, height = 320 }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const latest = useRef(data);

  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return;
    }
    const draw = () => {
      chart.current?.destroy();
      const size = { width: Math.max(element.clientWidth, 1), height };
      const own = options(chartColors(element));
      const hooks = { ...own.hooks, ready: [showLast] };
      chart.current = new uPlot({ ...own, ...size, hooks }, latest.current, element);
    };
    draw();
    const resized = new ResizeObserver(() =>
      chart.current?.setSize({ width: Math.max(element.clientWidth, 1), height }),
    );
    resized.observe(element);
    const forget = onColorsChanged(draw);
    return () => {
      forget();
      resized.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [options, height]);

  useEffect(() => {
    latest.current = data;
    if (chart.current) {
      chart.current.setData(data);
      showLast(chart.current);
    }
  }, [data]);

  return <div ref={place} className="chart" role="img" aria-label={label} />;
}

/** While nobody points into the chart, its legend tells the last values. */
function showLast(chart: uPlot): void {
  if (chart.cursor.idx == null && chart.data[0].length > 0) {
    chart.setLegend({ idx: chart.data[0].length - 1 });
  }
}
