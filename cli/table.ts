/** Makes sure that tables read well: columns aligned, two spaces between, no lines drawn. */

export interface Column<R> {
  readonly title: string;
  /** What stands there; nothing is shown as a dash. */
  text(row: R): string | number | undefined;
  /** Numbers are read from the right. */
  readonly align?: 'right';
  /** Left out when no row has anything there. */
  readonly isOptional?: boolean;
}

/** The rows under their titles, in capitals; the last column may be of any width. */
export function table<R>(all: readonly Column<R>[], rows: readonly R[]): string {
  const columns = all.filter(
    ({ isOptional, text }) => !isOptional || rows.some((row) => cell(text(row)) !== NOTHING),
  );
  const cells = rows.map((row) => columns.map((column) => cell(column.text(row))));
  const lines = [columns.map((each) => each.title.toUpperCase()), ...cells];
  const widths = columns.map((_column, index) =>
    Math.max(...lines.map((line) => width(line[index] ?? ''))),
  );
  return lines
    .map((line) =>
      columns
        .map(({ align }, index) => pad(line[index] ?? '', widths[index] ?? 0, align))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name  value` lines, the values below each other; those without a value are left out. */
export function pairs(of: readonly (readonly [string, string | number | undefined])[]): string {
  const shown = of.filter(([, value]) => value !== undefined && value !== '');
  const widest = Math.max(0, ...shown.map(([name]) => width(name)));
  return shown.map(([name, value]) => `${pad(name, widest)}  ${oneLine(`${value}`)}`).join('\n');
}

const NOTHING = '-';

function cell(value: string | number | undefined): string {
  const text = value === undefined ? '' : oneLine(String(value));
  return text === '' ? NOTHING : text;
}

/** A text from elsewhere may hold anything: nothing of it may move the cursor. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}

function pad(text: string, to: number, align?: 'right'): string {
  const space = ' '.repeat(Math.max(0, to - width(text)));
  return align === 'right' ? space + text : text + space;
}

/** Code points, which is columns for what Shoal's names are made of. */
function width(text: string): number {
  return [...text].length;
}
