/**
 * Makes sure that waiting ends: with what was waited for, with the reason why it will never come,
 * or when the time is over. Progress goes to stderr, a line per change.
 */
import { formatSpan } from '../subjects/index.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure, RefusedFailure, UnreachableFailure } from './failure.ts';
import type { Session } from './shell.ts';

const LOOK_MS = 200;

/** What was seen: told to people, and whether that ends the waiting. */
export interface Seen {
  readonly isDone: boolean;
  readonly told: string;
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
  look(): Promise<Seen>;
}

/**
 * Looks until it is done. A gateway that is away for a while is waited for too, for things that
 * were accepted go on without it. Throws Failure: refused when it failed, waitOver when late.
 */
export async function waitFor(session: Session, awaited: Awaited): Promise<void> {
  const { began, withinMs } = awaited.patience;
  let told = '';
  for (;;) {
    const seen = await look(awaited);
    const elapsed = session.now() - began;
    if (seen.failed !== undefined) {
      throw new Failure(exitCodes.refused, `error: ${seen.failed}\n  next: ${awaited.next}`);
    }
    if (seen.told !== told) session.err(`${seen.told} (${formatSpan(elapsed)})`);
    told = seen.told;
    if (seen.isDone) return;
    if (elapsed >= withinMs) {
      const late = `error: ${awaited.what} after ${formatSpan(withinMs)}`;
      throw new Failure(
        exitCodes.waitOver,
        `${late}; nothing is taken back\n  ${told}\n  next: ${awaited.next}`,
      );
    }
    await session.pause(Math.min(LOOK_MS, withinMs - elapsed));
    session.signal.throwIfAborted();
  }
}

async function look(awaited: Awaited): Promise<Seen> {
  try {
    return await awaited.look();
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
