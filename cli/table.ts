/** Makes sure that tables read well: columns aligned, two spaces between, no lines drawn. */
import { type Paint, plainly, type Tone } from './present/paint.ts';
import { columnsOf } from './present/width.ts';

export interface Column<R> {
  readonly title: string;
  /** What stands there; nothing is shown as a dash. */
  text(row: R): string | number | undefined;
  /** How it looks; nothing: as the rest. */
  tone?(row: R): Tone | undefined;
  /** Numbers are read from the right. */
  readonly align?: 'right';
  /** Left out when no row has anything there. */
  readonly isOptional?: boolean;
}

/** The rows under their titles, in capitals; the last column may be of any width. */
export function table<R>(
  all: readonly Column<R>[],
  rows: readonly R[],
  paint: Paint = plainly,
): string {
  const columns = all.filter(
    ({ isOptional, text }) => !isOptional || rows.some((row) => cell(text(row)) !== NOTHING),
  );
  const titles = columns.map(({ title }): Cell => ({ text: title.toUpperCase(), tone: 'title' }));
  const cells = rows.map((row) =>
    columns.map((each): Cell => ({ text: cell(each.text(row)), tone: each.tone?.(row) })),
  );
  const lines = [titles, ...cells];
  const widths = columns.map((_column, index) =>
    Math.max(...lines.map((line) => columnsOf(line[index]?.text ?? ''))),
  );
  return lines
    .map((line) =>
      line
        .map((each, index) => {
          const { align } = columns[index] as Column<R>;
          // Nothing follows the last one: no spaces are left at the end of a line.
          const isLast = index === line.length - 1 && align === undefined;
          return padded(each, { to: isLast ? 0 : (widths[index] ?? 0), align, paint });
        })
        .join('  '),
    )
    .join('\n');
}

interface Cell {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** A name, its value, and how that looks. */
export type Fact = readonly [string, string | number | undefined, (Tone | undefined)?];

/** `name  value` lines, the values below each other; those without a value are left out. */
export function pairs(of: readonly Fact[], paint: Paint = plainly): string {
  const shown = of.filter(([, value]) => value !== undefined && value !== '');
  const widest = Math.max(0, ...shown.map(([name]) => columnsOf(name)));
  return shown
    .map(([name, value, tone]) => {
      const title = padded({ text: name, tone: 'title' }, { to: widest, paint });
      return `${title}  ${paint(tone, oneLine(`${value}`))}`;
    })
    .join('\n');
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

/** Spaces have no look: an underlined or inverse terminal would show them. */
function padded(
  { text, tone }: Cell,
  of: { readonly to: number; readonly align?: 'right' | undefined; readonly paint: Paint },
): string {
  const space = ' '.repeat(Math.max(0, of.to - columnsOf(text)));
  const shown = of.paint(tone, text);
  return of.align === 'right' ? space + shown : shown + space;
}
