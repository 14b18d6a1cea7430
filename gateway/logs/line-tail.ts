/** Keeps the last of some lines, within a number of lines and of characters. */
import type { Line } from './lines.ts';

/** Characters of text that are kept at most. */
export const TAIL_CHARACTERS_MAX = 8 * 2 ** 20;

/** The last `count` lines, fewer where they are very long. */
export function lastLines(
  lines: readonly Line[],
  count: number,
  charactersMax = TAIL_CHARACTERS_MAX,
): readonly Line[] {
  let from = lines.length;
  let characters = 0;
  while (from > 0 && lines.length - from < count) {
    characters += lines[from - 1]?.text.length ?? 0;
    if (characters > charactersMax) break;
    from--;
  }
  return lines.slice(from);
}
