const price = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const signedPercent = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: "exceptZero",
});
const smallPercent = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 3 });
const ratio = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

export const formatPrice = (value: number) => price.format(value);
export const formatPercent = (value: number) => percent.format(value);
export const formatSignedPercent = (value: number) => signedPercent.format(value);
/** For fractions of any size, such as a minute's return. */
export const formatSmallPercent = (value: number) => smallPercent.format(value);
export const formatRatio = (value: number) => ratio.format(value);
export const formatCompact = (value: number) => compact.format(value);
export const formatNumber = (value: number) => plain.format(value);

/** An instant as the reader's clock shows it. */
export function formatTime(instant: string | number | Date): string {
  return new Date(instant).toLocaleTimeString();
}
