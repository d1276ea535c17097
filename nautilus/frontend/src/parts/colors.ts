const NAMES = ["text", "quiet", "line", "accent", "rise", "fall", "second"] as const;

export type Colors = Record<(typeof NAMES)[number], string>;

/** The style sheet's colors as they are now, for a canvas. */
export function chartColors(place: HTMLElement): Colors {
  const probe = place.ownerDocument.createElement("span");
  place.append(probe);
  const entries = NAMES.map((name) => {
    // As a color, not as a property's text: light-dark() is only resolved there.
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(entries) as Colors;
}

/** The same color, see-through. */
export function faded(color: string, alpha: number): string {
  return color.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}

/** An axis in the page's colors. */
export function axis(colors: Colors) {
  return {
    stroke: colors.quiet,
    grid: { stroke: colors.line, width: 1 },
    ticks: { stroke: colors.line, width: 1 },
    font: "12px system-ui, sans-serif",
  };
}
