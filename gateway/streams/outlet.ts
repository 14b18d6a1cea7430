/** Where a stream of events or lines goes: a caller, whatever protocol it speaks. */
import type { SseEvent } from '../http/sse-text.ts';

/** Buffered bytes above which a stream says that it is full. */
export const FULL_BYTES = 262_144;
/** Buffered bytes above which a stream that cannot be paced is given up. */
export const BUFFER_BYTES_MAX = 1_048_576;

/** One caller's stream. Everything is safe to call after its end. */
export interface Outlet {
  readonly isOpen: boolean;
  /** False: the caller should be given time (`whenRoom`). */
  send(event: SseEvent): boolean;
  /** Sends unless the caller is too far behind: then it is told so and its stream ends. */
  sendOrGiveUp(event: SseEvent): void;
  /** Ends the stream: all was said. */
  finish(): void;
  /** Ends the stream of a caller that is too far behind. */
  giveUp(): void;
  /** Calls once when there is room again. */
  whenRoom(call: () => void): void;
  /** Calls once when it has ended, whoever ended it. */
  whenClosed(call: () => void): void;
}
