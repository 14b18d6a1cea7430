/**
 * Makes sure that a followed stream of events goes on: lost connections and silent ones are made
 * anew, from after the last event that was seen, until Ctrl-C.
 */
import { RefusedFailure, UnreachableFailure } from './failure.ts';
import type { Query } from './gateway-client.ts';
import type { Session } from './shell.ts';
import { type SentEvent, SseParser } from './sse.ts';

/** The gateway says something each 15 s: three times that is silence. */
const SILENCE_MS = 45_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 5_000;

/** Ends only by Ctrl-C, or by a failure: at the first try any, later what trying does not mend. */
export async function follow(
  session: Session,
  path: string,
  query: () => Query,
  take: (event: SentEvent) => void,
): Promise<never> {
  let lastId = '';
  let isLost = false;
  let hasBegun = false;
  let waitMs = RETRY_MS;
  const opened = (): void => {
    if (isLost) session.err('connected again');
    isLost = false;
    hasBegun = true;
  };
  for (;;) {
    try {
      await once(session, path, { query: query(), lastId, opened }, (event) => {
        lastId = event.id;
        waitMs = RETRY_MS;
        take(event);
      });
    } catch (error) {
      if (!hasBegun || !isMendable(error)) throw error;
    }
    session.signal.throwIfAborted();
    if (!isLost) session.err('connection lost, trying again');
    isLost = true;
    await session.pause(waitMs);
    waitMs = Math.min(2 * waitMs, RETRY_MS_MAX);
  }
}

/** One connection, until it ends in whatever way; what `take` throws ends it, too. */
export async function once(
  { gateway }: Session,
  path: string,
  ask: {
    readonly query: Query;
    readonly lastId?: string;
    readonly opened?: () => void;
    readonly post?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  },
  take: (event: SentEvent) => void,
): Promise<void> {
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    const response = await gateway.open(path, { ...ask, end: ended.signal });
    ask.opened?.();
    const reader = response.body?.getReader();
    const parser = new SseParser();
    const text = new TextDecoder();
    for (;;) {
      timer = setTimeout(() => ended.abort(), SILENCE_MS);
      const piece = await reader?.read().catch(() => undefined);
      clearTimeout(timer);
      if (!piece?.value) return;
      for (const event of parser.push(text.decode(piece.value, { stream: true }))) take(event);
    }
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

function isMendable(error: unknown): boolean {
  if (error instanceof RefusedFailure) return error.refusal.retry === 'later';
  return error instanceof UnreachableFailure;
}
