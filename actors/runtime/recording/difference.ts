/** Makes sure that of two plain values the first place where they differ is named. */

export interface Difference {
  /** `effects[0].puts[1].value.node` */
  readonly path: string;
  /** Absent: undefined. */
  readonly recorded: unknown;
  readonly now: unknown;
}

/** The first place where two plain values differ; the order of an object's keys is no difference. */
export function differenceOf(recorded: unknown, now: unknown, path = ''): Difference | undefined {
  if (Object.is(recorded, now)) return undefined;
  if (Array.isArray(recorded) && Array.isArray(now)) {
    for (let index = 0; index < Math.max(recorded.length, now.length); index++) {
      const found = differenceOf(recorded[index], now[index], `${path}[${index}]`);
      if (found) return found;
    }
    return undefined;
  }
  if (!isObject(recorded) || !isObject(now)) return { path, recorded, now };
  for (const name of new Set([...Object.keys(recorded), ...Object.keys(now)])) {
    const at = path === '' ? name : `${path}.${name}`;
    const found = differenceOf(recorded[name], now[name], at);
    if (found) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
