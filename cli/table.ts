/**
 * Makes sure that tables read well: columns aligned, two spaces between, no lines drawn, and on a
 * narrow terminal one line a row as far as that goes.
 */
import { type Paint, plainly, type Tone } from './present/paint.ts';
import { columnsOf, cutTo } from './present/width.ts';

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
  /** Shown only where all there is to show is asked for. */
  readonly isWide?: boolean;
  /** Where there is too little room those with a number go, the highest first; without one it stays. */
  readonly goes?: number;
}

/** What a table is to fit into. */
export interface Fit {
  /** Of the terminal; absent: it is none, and nothing is left out. */
  readonly columns?: number | undefined;
  /** All there is to show, however wide that is. */
  readonly isWide?: boolean;
  /** Of a table that goes on: what follows has the same columns, and no titles. */
  readonly layout?: Layout;
}

/** Which columns a table has by their titles, once it has begun, and how wide they are. */
export interface Layout {
  titles?: readonly string[];
  readonly widths: Map<string, number>;
}

/** Spaces between columns. */
const GAP = 2;
/** How much of the last column is to be seen at least before another one goes, in columns. */
const LAST_MIN = 16;

/** A column with what stands in it, its title first. */
interface Part<R> {
  readonly column: Column<R>;
  readonly cells: readonly Cell[];
  readonly width: number;
}

/** The rows under their titles, in capitals; the last column is cut where there is too little room. */
export function table<R>(
  all: readonly Column<R>[],
  rows: readonly R[],
  paint: Paint = plainly,
  { columns, isWide = false, layout }: Fit = {},
): string {
  const before = layout?.titles;
  // Of a table that goes on nobody knows yet what will stand there.
  const isShown = ({ isOptional, isWide: isOfWide, text }: Column<R>): boolean =>
    (isWide || !isOfWide) &&
    (!isOptional || layout !== undefined || rows.some((row) => cell(text(row)) !== NOTHING));
  const asked = all.filter((each) => (before ? before.includes(each.title) : isShown(each)));
  const parts = asked.map((each) => partOf(each, rows, layout?.widths.get(each.title)));
  const width = isWide ? undefined : columns;
  const shown = before || width === undefined ? parts : fitting(parts, width);
  if (layout) {
    layout.titles = shown.map(({ column }) => column.title);
    for (const each of shown) layout.widths.set(each.column.title, each.width);
  }
  const room = width === undefined ? Number.POSITIVE_INFINITY : roomForLast(shown, width);
  const lines = Array.from({ length: rows.length + 1 }, (_, line) =>
    shown
      .map(({ column: { align }, cells, width: to }, index) => {
        const each = cells[line] ?? { text: '' };
        // Nothing follows the last one: no spaces are left at the end of a line.
        const isLast = index === shown.length - 1 && align === undefined;
        if (!isLast) return padded(each, { to, align, paint });
        return padded(room < 1 ? each : { ...each, text: cutTo(each.text, room) }, {
          to: 0,
          paint,
        });
      })
      .join(' '.repeat(GAP)),
  );
  return lines.slice(before ? 1 : 0).join('\n');
}

function partOf<R>(column: Column<R>, rows: readonly R[], least = 0): Part<R> {
  const title: Cell = { text: column.title.toUpperCase(), tone: 'title' };
  const cells = rows.map((row) => ({ text: cell(column.text(row)), tone: column.tone?.(row) }));
  const all = [title, ...cells];
  return { column, cells: all, width: Math.max(least, ...all.map(({ text }) => columnsOf(text))) };
}

function roomForLast<R>(parts: readonly Part<R>[], columns: number): number {
  return parts.slice(0, -1).reduce((room, { width }) => room - width - GAP, columns);
}

/** Those that fit, with enough of the last one. */
function fitting<R>(all: readonly Part<R>[], columns: number): readonly Part<R>[] {
  let parts = all;
  for (;;) {
    const last = parts.at(-1);
    if (!last) return parts;
    const least = last.column.align ? last.width : Math.min(last.width, LAST_MIN);
    if (roomForLast(parts, columns) >= least) return parts;
    const first = Math.max(...parts.map(({ column }) => column.goes ?? 0));
    if (first === 0) return parts;
    parts = parts.filter(({ column }) => column.goes !== first);
  }
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
