/**
 * One side of a session as data: what it has said and may still say, what it has heard and taken.
 * Pure: time is an argument, in milliseconds that never go back.
 *
 *  F1  Frames are numbered from 1 without a gap. One that is missing ends the session; one that
 *      comes again is left out.
 *  F2  No more bytes are under way than the other side has granted and not taken.
 *  F3  A side that is not heard for SILENCE_MS is gone.
 */
import { type Refusal, refusal, SESSION_CHUNK_MAX } from '../../../subjects/index.ts';

/** How often each side says that it lives, in milliseconds. */
export const BEAT_MS = 1_000;
/**
 * How long a side may be silent, in milliseconds: four beats. A connection that is lost is back
 * within two, and what was said meanwhile still comes.
 */
export const SILENCE_MS = 4_000;
/** What was taken is told when it is this share of the window: the sender never runs dry for it. */
const TOLD_SHARE = 4;

/** What frames of both directions have in common. */
export interface Frame {
  readonly sequence: number;
  readonly bytes?: Uint8Array | undefined;
}

/** What waits to be said: bytes in as many frames as they take, or marks in one. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Stand in each frame of it. */
  readonly marks: Readonly<Record<string, unknown>>;
  /** Called when all of it has been said. */
  readonly said: () => void;
}

/** What the other side is told. */
export interface Told {
  readonly takenBytes: number;
  readonly sequence: number;
}

/** One side's books. Bytes are counted from the beginning. */
export interface Flow {
  readonly waiting: Piece[];
  /** How far the first piece that waits has been said. */
  at: number;
  said: number;
  saidBytes: number;
  /** What the other side takes beyond what it has taken; 0: it has not answered yet. */
  peerWindowBytes: number;
  peerTakenBytes: number;
  heard: number;
  heardBytes: number;
  readonly windowBytes: number;
  takenBytes: number;
  toldTakenBytes: number;
  /** When the other side was last heard. */
  heardAt: number;
}

/** Books of a side that takes `windowBytes` before it has said that it took them. */
export function newFlow(windowBytes: number, now: number): Flow {
  return {
    ...{ waiting: [], at: 0, said: 0, saidBytes: 0, peerWindowBytes: 0, peerTakenBytes: 0 },
    ...{ heard: 0, heardBytes: 0, windowBytes, takenBytes: 0, toldTakenBytes: 0, heardAt: now },
  };
}

/** The other side is there and takes so much. */
export function grant(flow: Flow, peerWindowBytes: number, now: number): void {
  flow.peerWindowBytes = peerWindowBytes;
  flow.heardAt = now;
}

/** How many bytes may be said now. */
export function room(flow: Flow): number {
  return flow.peerWindowBytes - (flow.saidBytes - flow.peerTakenBytes);
}

/** The next frame that may be said now, in order; undefined: nothing waits, or there is no room. */
export function nextFrame(flow: Flow): Frame | undefined {
  const [piece] = flow.waiting;
  if (!piece) return undefined;
  const left = piece.bytes.length - flow.at;
  if (left > 0 && room(flow) <= 0) return undefined;
  const size = Math.min(left, SESSION_CHUNK_MAX, Math.max(0, room(flow)));
  const bytes = piece.bytes.subarray(flow.at, flow.at + size);
  flow.at += size;
  flow.saidBytes += size;
  if (flow.at === piece.bytes.length) {
    flow.waiting.shift();
    flow.at = 0;
    piece.said();
  }
  return { sequence: ++flow.said, ...(size > 0 ? { bytes } : {}), ...piece.marks };
}

/** A frame that is said before all that waits: it carries no bytes, so it needs no room. */
export function urgentFrame(flow: Flow, marks: Piece['marks']): Frame {
  return { sequence: ++flow.said, ...marks };
}

/** Notes a frame. `again`: it was heard before. A refusal: the session cannot go on. */
export function hear(flow: Flow, frame: Frame, now: number): 'new' | 'again' | Refusal {
  flow.heardAt = now;
  if (frame.sequence <= flow.heard) return 'again';
  if (frame.sequence > flow.heard + 1) return missing(flow.heard + 1, frame.sequence);
  flow.heard = frame.sequence;
  flow.heardBytes += frame.bytes?.length ?? 0;
  if (flow.heardBytes - flow.takenBytes <= flow.windowBytes) return 'new';
  return refusal('session-broken', `more than ${flow.windowBytes} bytes were sent ahead`);
}

/** Notes what the other side tells. A refusal: the session cannot go on. */
export function hearTold(flow: Flow, told: Told, now: number): Refusal | undefined {
  flow.heardAt = now;
  if (told.takenBytes > flow.saidBytes) {
    return refusal('session-broken', 'more was taken than was sent');
  }
  flow.peerTakenBytes = Math.max(flow.peerTakenBytes, told.takenBytes);
  if (told.sequence > flow.heard) return missing(flow.heard + 1, told.sequence + 1);
  return undefined;
}

/** Notes bytes as taken; true: the other side should be told now. */
export function take(flow: Flow, bytes: number): boolean {
  flow.takenBytes += bytes;
  return flow.takenBytes - flow.toldTakenBytes >= flow.windowBytes / TOLD_SHARE;
}

/** What the other side is told now. */
export function tell(flow: Flow): Told {
  flow.toldTakenBytes = flow.takenBytes;
  return { takenBytes: flow.takenBytes, sequence: flow.said };
}

/** Why the session is over by now: nobody was heard; undefined: it goes on. */
export function silence(flow: Flow, now: number): Refusal | undefined {
  const forMs = now - flow.heardAt;
  if (forMs < SILENCE_MS) return undefined;
  return refusal('session-lost', `nothing was heard for ${(forMs / 1000).toFixed(1)} s`);
}

function missing(first: number, next: number): Refusal {
  const which = next - first === 1 ? `frame ${first}` : `frames ${first} to ${next - 1}`;
  return refusal('session-broken', `${which} did not arrive`);
}
