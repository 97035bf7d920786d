/** Numbers and dates for people. */

export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  if (Number.isInteger(value)) return String(value);
  return size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

/** Round to a thousandth of a range: more digits than a pixel can show tell nothing. */
export function rounded(value: number, size: number): number {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return Number(value.toFixed(Math.min(digits, 15)));
}

/** 2024-07-15T00:00:00.000000000 → 15 Jul 2024, with the time of day where it isn't midnight. */
export function moment(iso: string): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}:\d{2})(?::(\d{2}))?)?/.exec(iso);
  if (!match) return iso;
  const [, year, month, day, clock, seconds] = match;
  const name = MONTHS[Number(month) - 1] ?? month;
  const midnight = !clock || (clock === "00:00" && (seconds ?? "00") === "00");
  return `${Number(day)} ${name} ${year}${midnight ? "" : `, ${clock}`}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function degrees(lon: number, lat: number): string {
  const ns = lat < 0 ? "S" : "N";
  const ew = lon < 0 ? "W" : "E";
  return `${Math.abs(lat).toFixed(4)}° ${ns}, ${Math.abs(lon).toFixed(4)}° ${ew}`;
}
