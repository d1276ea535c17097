const [WIDTH, HEIGHT] = [72, 20];

/** The last prices as a small line; the price beside it says the same in a figure. */
export function Trend({ prices }: { prices: number[] }) {
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const spread = high - low || 1;
  const points = prices.map((price, place) => {
    const x = (place / Math.max(prices.length - 1, 1)) * WIDTH;
    const y = HEIGHT - 1 - ((price - low) / spread) * (HEIGHT - 2);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg className="trend" width={WIDTH} height={HEIGHT} aria-hidden>
      <polyline points={points.join(" ")} />
    </svg>
  );
}
