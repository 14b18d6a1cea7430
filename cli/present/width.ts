/** How many columns of a terminal a text takes, and as much of it as a width allows. */

/** What stands on the place before it: accents, joiners, variation selectors. */
const NO_COLUMN = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
/** What takes two columns: the scripts of East Asia, full-width forms, and pictures. */
const TWO_COLUMNS =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u;

/** Columns of one line without escape sequences. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const point of text) columns += columnsOfPoint(point);
  return columns;
}

function columnsOfPoint(point: string): number {
  // Most text is this, and it is asked for each cell of a table.
  if (point <= '~') return 1;
  if (NO_COLUMN.test(point)) return 0;
  return TWO_COLUMNS.test(point) ? 2 : 1;
}

/** As much of a line as fits, with an ellipsis where something was cut; empty where nothing fits. */
export function cutTo(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return '';
  let [kept, used] = ['', 0];
  for (const point of text) {
    const wide = columnsOfPoint(point);
    if (used + wide > columns - 1) break;
    kept += point;
    used += wide;
  }
  return `${kept}…`;
}
