/**
 * Makes sure that the newest messages of a stream are found without reading all of it: a window
 * at its end, a larger one while that does not hold enough.
 *
 * Limits: READ_BYTES_MAX of messages are held at a time, the newest; READ_MS in all.
 */
import type { Tailed } from '../../actors/runtime/nats/tail.ts';
import type { Streams, What } from './streams.ts';

/** Sequences in the first window. */
const WINDOW = 1_000;
/** How much larger the next one is. */
const GROWTH = 8;
const READ_BYTES_MAX = 32 * 2 ** 20;
const DROPPED_MAX = 1_024;
const READ_MS = 5_000;

export interface ReadBack {
  /** Everything up to this sequence has been looked at. */
  readonly last: number;
}

/**
 * Shows ever more of the newest messages to `look`, oldest first, until it has enough or there
 * are no more; undefined: no answer.
 */
export async function readBack(
  streams: Streams,
  what: What,
  look: (messages: readonly Tailed[]) => boolean,
): Promise<ReadBack | undefined> {
  const deadline = performance.now() + READ_MS;
  const range = await streams.range(what.stream);
  if (!range) return undefined;
  for (let window = WINDOW; ; window *= GROWTH) {
    const before = Math.max(range.first - 1, range.last - window, 0);
    if (before >= range.last) return { last: range.last };
    const read = await readFrom(streams, what, before, deadline - performance.now());
    if (!read) return undefined;
    const isEnough = look(read.messages);
    if (isEnough || read.isCut || before <= range.first - 1) {
      return { last: Math.max(range.last, read.messages.at(-1)?.sequence ?? 0) };
    }
  }
}

interface Read {
  readonly messages: readonly Tailed[];
  /** There were more bytes than are held. */
  readonly isCut: boolean;
}

/** Everything after a sequence, as of now; undefined: not in time. */
function readFrom(
  streams: Streams,
  what: What,
  after: number,
  withinMs: number,
): Promise<Read | undefined> {
  const messages: Tailed[] = [];
  let bytes = 0;
  let isCut = false;
  /** Messages at the front that no longer count; they are let go of many at a time. */
  let dropped = 0;
  return new Promise((resolve) => {
    const finish = (read: Read | undefined): void => {
      clearTimeout(timer);
      close();
      resolve(read);
    };
    const timer = setTimeout(() => finish(undefined), Math.max(0, withinMs));
    const close = streams.tail(
      what,
      { kind: 'after', sequence: after },
      {
        message: (message) => {
          messages.push(message);
          bytes += message.body.length;
          for (; bytes > READ_BYTES_MAX; isCut = true)
            bytes -= messages[dropped++]?.body.length ?? 0;
          if (dropped > DROPPED_MAX) {
            messages.splice(0, dropped);
            dropped = 0;
          }
        },
        current: () => finish({ messages: messages.slice(dropped), isCut }),
      },
    );
  });
}
