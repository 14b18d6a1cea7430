/**
 * Makes sure that a file of frames becomes the entries of recordings again: parts are put together,
 * and a frame that is missing is known by its number.
 */
import {
  type Frame,
  frameSchema,
  type RecordedEntry,
  recordedEntry,
} from '../../../subjects/index.ts';
import { tolerantJson } from '../tolerant-json.ts';

/** What one recording tells, in order. */
export interface Recorded {
  readonly recording: string;
  readonly copy: string;
  /** An entry with the number of its first frame, or how many frames are missing there. */
  readonly entries: readonly (
    | { readonly seq: number; readonly entry: RecordedEntry }
    | { readonly seq: number; readonly missing: number }
  )[];
}

export type History =
  | { readonly ok: true; readonly recordings: readonly Recorded[] }
  /** A line that is no frame, counted from 1. */
  | { readonly ok: false; readonly line: number; readonly reason: string };

interface Open {
  readonly recording: string;
  readonly copy: string;
  readonly entries: Recorded['entries'][number][];
  /** Number of the frame that comes next. */
  next: number;
  parts: string[];
}

/** The recordings in a file of frames, one JSON value a line. Never throws. */
export function readHistory(text: string): History {
  const open = new Map<string, Open>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const parsed = frameSchema.safeParse(tolerantJson(line));
    if (!parsed.success) {
      const reason = parsed.error.issues[0]?.message ?? 'not a frame';
      return { ok: false, line: index + 1, reason };
    }
    const frame = parsed.data;
    const id = `${frame.copy} ${frame.recording}`;
    let one = open.get(id);
    if (!one) {
      const { recording, copy } = frame;
      one = { recording, copy, entries: [], next: 0, parts: [] };
      open.set(id, one);
    }
    const reason = take(one, frame);
    if (reason !== undefined) return { ok: false, line: index + 1, reason };
  }
  return { ok: true, recordings: [...open.values()] };
}

/** Takes a frame in; returns what is wrong with it. */
function take(open: Open, frame: Frame): string | undefined {
  const { seq, entry, part } = frame;
  // Twice the same frame: two who listened wrote to one file.
  if (seq < open.next) return undefined;
  if (seq > open.next) {
    const missing = seq - open.next + open.parts.length;
    open.entries.push({ seq: open.next - open.parts.length, missing });
    open.parts = [];
  }
  open.next = seq + 1;
  if (entry) {
    open.entries.push({ seq, entry });
    return undefined;
  }
  if (!part) return 'neither an entry nor a part of one';
  // A part of an entry whose beginning is missing.
  if (part.index !== open.parts.length) return undefined;
  open.parts.push(part.text);
  if (open.parts.length < part.count) return undefined;
  const whole = recordedEntry.safeParse(tolerantJson(open.parts.join('')));
  open.parts = [];
  if (!whole.success) return `its parts make no entry: ${whole.error.issues[0]?.message}`;
  open.entries.push({ seq: seq - part.count + 1, entry: whole.data });
  return undefined;
}
