/** What a session's end means for a command: its exit code, or a failure with the next step. */
import { constants } from 'node:os';
import { type RefusalCode, refusals } from '../../subjects/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { nextStepOf } from '../present/refusal.ts';
import type { Ending } from './session-socket.ts';

/** As shells say that a signal ended a command. */
const BY_SIGNAL = 128;

/** The exit code of a command that ended. Throws Failure where the session did not come so far. */
export function exitCodeOf(ending: Ending): number {
  if (ending.kind !== 'ended') throw new Failure(exitCodes.unreachable, `error: ${whyOf(ending)}`);
  const { exitCode, signal, message } = ending.how;
  if (exitCode !== undefined) return exitCode;
  const number = constants.signals[signal as NodeJS.Signals];
  if (number !== undefined) return BY_SIGNAL + number;
  throw new Failure(
    exitCodes.unreachable,
    `error: nobody can say how it ended${message ? `: ${message}` : ''}`,
  );
}

/** Why a session broke off and what to do next, in one line. */
export function whyOf(ending: Exclude<Ending, { readonly kind: 'ended' }>): string {
  if (ending.kind === 'lost') {
    return 'the connection to the gateway was lost, and the session with it; begin anew when `shoal version` shows a gateway';
  }
  const { code, detail } = ending.why;
  const known = Object.hasOwn(refusals, code) ? refusals[code as RefusalCode].user : code;
  const next = nextStepOf(code);
  return `${detail}. ${known}${next === undefined ? '' : ` Next: ${next}.`}`;
}
