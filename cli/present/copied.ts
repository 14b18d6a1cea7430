/** How much of a copy has gone over, for people. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `12.3 MiB` of bytes. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** How far it is: bytes, and bytes a second. */
export function copiedText(bytes: number, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (bytes * 1_000) / elapsedMs : 0;
  return `${bytesText(bytes)}  ${bytesText(Math.round(rate))}/s`;
}
