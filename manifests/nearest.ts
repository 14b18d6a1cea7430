/** Makes sure that a mistyped name is met with the one that was probably meant. */

/**
 * The known name nearest to a given one, or undefined when none is near: at most one change for
 * three letters (insert, leave out, replace, swap two neighbours), upper and lower case alike.
 * Of several equally near ones the first is taken.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const allowed = Math.max(1, Math.floor(name.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const each of known) {
    if (Math.abs(each.length - name.length) > allowed) continue;
    const distance = editDistance(name.toLowerCase(), each.toLowerCase());
    if (distance <= allowed && (!best || distance < best.distance)) best = { name: each, distance };
  }
  return best?.name;
}

/** Fewest single changes from one word to another (optimal string alignment). */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_none, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped =
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      if (isSwapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
