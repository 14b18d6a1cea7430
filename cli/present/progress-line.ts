/** One line that tells how far something is, as wide as the terminal and no wider. */
import { oneLine } from '../table.ts';
import type { Paint } from './paint.ts';
import { columnsOf, cutTo } from './width.ts';

/** How much of something is done. */
export interface Share {
  readonly done: number;
  readonly of: number;
  /** How it is said; default: `2/3`. */
  readonly told?: string;
}

/** What is told while something goes on. */
export interface Step {
  readonly told: string;
  readonly share?: Share;
  /** What a line says that shows counts already; default: what is told. */
  readonly brief?: string;
  /** What holds it up at the moment. */
  readonly detail?: string | undefined;
}

const BAR_COLUMNS = 20;
/** One column of a bar for so many of the terminal: the words need most of them. */
const BAR_PART = 6;
/** A terminal narrower than this has no room for a bar. */
const BAR_FROM = 60;

/**
 * `━━━━━━━━━━━━━───────  2/3  4s  hello: progressing; hello-5pytj: starting`
 *
 * What changes its width stands last, so that nothing jumps. The last column stays free: a line that
 * fills it is drawn on two by some terminals.
 */
export function progressLine(
  { told, share, brief = told, detail }: Step,
  of: { readonly elapsedMs: number; readonly columns: number; readonly paint: Paint },
): string {
  const { elapsedMs, columns, paint } = of;
  const [head, bar] = [headOf(share, elapsedMs), barOf(share, columns)];
  const said = oneLine(detail === undefined ? brief : `${brief}; ${detail}`);
  const left = columns - 1 - (bar ? bar.done.length + bar.left.length + 2 : 0);
  const text = cutTo(`${head}  ${said}`, left);
  const shown = text.startsWith(`${head}  `)
    ? `${paint('faint', head)}${text.slice(head.length)}`
    : text;
  if (!bar) return shown;
  return `${paint('good', bar.done)}${paint('faint', bar.left)}  ${shown}`;
}

/** `2/3  4s` */
function headOf(share: Share | undefined, elapsedMs: number): string {
  const count = share && share.of > 0 ? (share.told ?? `${share.done}/${share.of}`) : undefined;
  return `${count === undefined ? '' : `${count}  `}${seconds(elapsedMs)}`;
}

/** `4s`, `1m05s` */
export function seconds(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1_000));
  return whole < 60
    ? `${whole}s`
    : `${Math.floor(whole / 60)}m${`${whole % 60}`.padStart(2, '0')}s`;
}

function barOf(
  share: Share | undefined,
  columns: number,
): { readonly done: string; readonly left: string } | undefined {
  if (!share || share.of <= 0 || columns < BAR_FROM) return undefined;
  const ratio = Math.min(1, Math.max(0, share.done / share.of));
  // All of it only when all is done: a full bar that is waited for is a lie.
  const length = Math.min(BAR_COLUMNS, Math.floor(columns / BAR_PART));
  const filled = Math.floor(ratio * length);
  return { done: '━'.repeat(filled), left: '─'.repeat(length - filled) };
}

/** How many rows a line that was drawn takes now, the terminal having been made narrower. */
export function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(columnsOf(line) / Math.max(1, columns)));
}
