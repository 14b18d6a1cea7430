/**
 * Makes sure that a stream is read as fast as whoever takes it, no faster: when the taker is
 * full, the reader is closed, and opened again after the last message that was taken.
 */
import type { Tailed } from '../../actors/runtime/nats/tail.ts';
import type { Close } from '../../actors/runtime/ports.ts';
import type { Streams, What } from './streams.ts';

export interface Taker {
  /** Before each opening. */
  opening(): void;
  /** False: this one was taken, but there is no room for another. */
  take(message: Tailed): boolean;
  /** Calls once when there is room again. */
  whenRoom(call: () => void): void;
  /** Everything that was there at the opening has been taken. */
  current(): void;
}

/** Reads what comes after a sequence until closed. */
export function pacedTail(
  streams: Streams,
  what: What & { readonly after: number },
  taker: Taker,
): Close {
  const { stream, subjects } = what;
  let { after } = what;
  let isOpen = true;
  let close: Close = () => undefined;
  const open = (): void => {
    if (!isOpen) return;
    taker.opening();
    let isFull = false;
    close = streams.tail(
      { stream, subjects },
      { kind: 'after', sequence: after },
      {
        message: (message) => {
          if (isFull) return;
          after = message.sequence;
          if (taker.take(message)) return;
          isFull = true;
          close();
          taker.whenRoom(open);
        },
        current: () => {
          if (!isFull) taker.current();
        },
      },
    );
  };
  open();
  return () => {
    isOpen = false;
    close();
  };
}
