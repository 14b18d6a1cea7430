/** Which of some media types a caller would rather have. */

/** The first offered type that an Accept header names; undefined: it names none of them. */
export function accepted<T extends string>(
  header: string | undefined,
  offered: readonly T[],
): T | undefined {
  const named = (header ?? '')
    .split(',')
    .map((each) => each.trim().toLowerCase())
    .filter((each) => !/;\s*q=0(\.0*)?\s*(;|$)/.test(each))
    .map((each) => each.split(';', 1)[0]?.trim());
  return offered.find((each) => named.includes(each));
}
