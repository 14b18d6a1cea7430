/**
 * Makes sure that a caller gets the last lines of some instances, and, when it follows, every
 * line after them: first what is in the stream, read backwards as far as needed, then what comes,
 * as fast as the caller takes it.
 */
import type { Tailed } from '../../actors/runtime/nats/tail.ts';
import type { Outlet } from '../streams/outlet.ts';
import { pacedTail } from '../streams/paced-tail.ts';
import { readBack } from '../streams/read-back.ts';
import type { Streams } from '../streams/streams.ts';
import { lastLines } from './line-tail.ts';
import { type Line, LineReader } from './lines.ts';

export interface BacklogQuery {
  readonly subjects: readonly string[];
  /** Only lines from then on, in milliseconds since 1970. */
  readonly since: number | undefined;
  /** How many lines at most, of those that are there. */
  readonly tail: number;
}

export interface Backlog {
  readonly lines: readonly Line[];
  /** Knows which lines have been told. */
  readonly reader: LineReader;
  /** Sequence after which to go on. */
  readonly last: number;
}

/** The last lines there are; undefined: the stream did not answer. */
export async function readBacklog(
  streams: Streams,
  query: BacklogQuery,
): Promise<Backlog | undefined> {
  const { subjects, since = 0, tail } = query;
  let reader = new LineReader();
  let lines: readonly Line[] = [];
  const look = (messages: readonly Tailed[]): boolean => {
    reader = new LineReader();
    lines = messages.flatMap((message) => reader.lines(message));
    const isOlder = (messages[0]?.at ?? since) < since;
    return isOlder || lines.length >= tail;
  };
  const read = await readBack(streams, { stream: 'LOGS', subjects }, look);
  if (!read) return undefined;
  const wanted = lines.filter((line) => Date.parse(line.at) >= since);
  return { lines: lastLines(wanted, tail), reader, last: read.last };
}

/** Sends a backlog, then every line that comes, until the stream is closed. */
export function followLines(
  streams: Streams,
  subjects: readonly string[],
  { lines, reader, last }: Backlog,
  stream: Outlet,
): void {
  let close = (): void => undefined;
  const live = (): void => {
    close = pacedTail(
      streams,
      { stream: 'LOGS', subjects, after: last },
      {
        opening: () => undefined,
        take: (message) => sendAll(reader.lines(message)),
        whenRoom: (call) => stream.whenRoom(call),
        current: () => undefined,
      },
    );
  };
  const sendAll = (some: readonly Line[]): boolean => {
    let hasRoom = true;
    for (const data of some) hasRoom = stream.send({ data });
    return hasRoom;
  };
  const sendFrom = (index: number): void => {
    if (!stream.isOpen) return;
    for (let next = index; next < lines.length; next++) {
      if (!stream.send({ data: lines[next] })) return stream.whenRoom(() => sendFrom(next + 1));
    }
    live();
  };
  sendFrom(0);
  stream.whenClosed(() => close());
}
