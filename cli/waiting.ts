/**
 * Makes sure that waiting ends: with what was waited for, with the reason why it will never come,
 * or when the time is over. How far it is goes to stderr.
 */
import { formatSpan } from '../subjects/index.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure, RefusedFailure, UnreachableFailure } from './failure.ts';
import type { Share, Step } from './present/progress-line.ts';
import { Progress } from './progress.ts';
import type { Session } from './shell.ts';

const LOOK_MS = 200;

/** What was seen: told to people, and whether that ends the waiting. */
export interface Seen extends Step {
  readonly isDone: boolean;
  /** Set when it will never come. */
  readonly failed?: string;
}

/** How long to wait, and from which moment on. */
export interface Patience {
  readonly began: number;
  readonly withinMs: number;
}

export interface Awaited {
  /** `hello is not ready`: what is so for as long as it lasts. */
  readonly what: string;
  readonly patience: Patience;
  /** A command that shows more. */
  readonly next: string;
  /** `isWatched`: somebody sees one line change, so what holds it up is worth asking for, too. */
  look(isWatched: boolean): Promise<Seen>;
}

/**
 * Looks until it is done. A gateway that is away for a while is waited for too, for things that
 * were accepted go on without it. Throws Failure: refused when it failed, waitOver when late.
 */
export async function waitFor(session: Session, awaited: Awaited): Promise<void> {
  const { began, withinMs } = awaited.patience;
  const progress = new Progress(session, began);
  try {
    for (;;) {
      const seen = await look(awaited, progress.isLive);
      const elapsed = session.now() - began;
      if (seen.failed !== undefined) {
        throw new Failure(exitCodes.refused, `error: ${seen.failed}\n  next: ${awaited.next}`);
      }
      if (seen.isDone) return progress.finish(seen.told);
      progress.tell(seen);
      if (elapsed >= withinMs) {
        const late = `error: ${awaited.what} after ${formatSpan(withinMs)}`;
        throw new Failure(
          exitCodes.waitOver,
          `${late}; nothing is taken back\n  ${seen.told}\n  next: ${awaited.next}`,
        );
      }
      await session.pause(Math.min(LOOK_MS, withinMs - elapsed));
      session.signal.throwIfAborted();
    }
  } finally {
    progress.clear();
  }
}

async function look(awaited: Awaited, isWatched: boolean): Promise<Seen> {
  try {
    return await awaited.look(isWatched);
  } catch (error) {
    const isPassing =
      error instanceof UnreachableFailure ||
      (error instanceof RefusedFailure && error.refusal.retry === 'later');
    if (!isPassing) throw error;
    return { isDone: false, told: 'the gateway does not answer at the moment' };
  }
}

/** Patience from now on. */
export function patienceOf(session: Session, withinMs: number): Patience {
  return { began: session.now(), withinMs };
}

/** How much of what is to go has gone: of the most that was ever seen. */
export function countdown(): (left: number) => Share {
  let most = 0;
  return (left) => {
    most = Math.max(most, left);
    return { done: most - left, of: most };
  };
}
