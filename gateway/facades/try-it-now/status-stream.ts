/**
 * The countdown of a demo, as `text/event-stream`: one event a second, until it is over, released, or
 * the stream is half an hour old.
 *
 * No blank stands after `event:` and `data:`: callers look for these bytes.
 */
import type { FastifyReply } from 'fastify';
import { BUFFER_BYTES_MAX } from '../../streams/outlet.ts';
import type { Demo, Demos } from './demos.ts';
import { isPast, secondsLeft } from './remaining.ts';

const TICK_MS = 1_000;
const STREAM_MS_MAX = 30 * 60_000;

/** Most bytes are one event; this says what each is. */
export interface Told {
  readonly text: string;
  /** Nothing comes after it. */
  readonly isLast: boolean;
}

/** How an event is written. */
export function eventText(name: string, data: object): string {
  return `event:${name}\ndata:${JSON.stringify(data)}\n\n`;
}

/**
 * What is told at a tick: `now` the demo as it is now, `before` as it was last seen. A demo whose time
 * is up is told so, also where the fabric has ended it first.
 */
export function tick(before: Demo, now: Demo | undefined, at: number): Told {
  const { id, claim } = now ?? before;
  // Another clock may have ended it a little earlier than this one would.
  const isReleased = !now && at < claim.until - TICK_MS;
  if (isReleased) {
    return { text: eventText('error', { error: 'Instance not found' }), isLast: true };
  }
  const left = secondsLeft(claim.until, at);
  const text = eventText('ttl', { id, state: 'assigned', ttl_remaining: left });
  if (now && !isPast(claim.until, at)) return { text, isLast: false };
  return { text: text + eventText('expired', { id }), isLast: true };
}

/** Streams that are open; ended when the facade stops. */
export class StatusStreams {
  readonly #open = new Set<() => void>();

  get size(): number {
    return this.#open.size;
  }

  /** Answers with the countdown of a demo. */
  answer(reply: FastifyReply, demos: Demos, first: Demo): void {
    reply.hijack();
    const { raw, request } = reply;
    raw.writeHead(200, {
      'Content-Type': 'text/event-stream;charset=utf-8',
      'Cache-Control': 'no-cache',
      Connection: 'keep-alive',
      'X-Accel-Buffering': 'no',
      'X-Request-Id': request.id,
    });
    raw.flushHeaders();
    const until = Date.now() + STREAM_MS_MAX;
    let seen = first;
    const timer = setInterval(() => {
      const now = Date.now();
      const demo = demos.find(seen.id);
      const told = tick(seen, demo, now);
      seen = demo ?? seen;
      if (told.isLast) return end(told.text);
      // Whoever does not read is not waited for.
      if (raw.writableLength > BUFFER_BYTES_MAX) raw.destroy();
      else raw.write(told.text);
      if (now >= until) end(eventText('reconnect', { reason: 'max duration reached' }));
    }, TICK_MS);
    const end = (text = ''): void => {
      clearInterval(timer);
      raw.end(text);
    };
    const stop = (): void => end();
    this.#open.add(stop);
    raw.once('close', () => {
      clearInterval(timer);
      this.#open.delete(stop);
    });
    raw.on('error', () => raw.destroy());
  }

  /** Ends all of them. */
  stop(): void {
    for (const stop of this.#open) stop();
  }
}
