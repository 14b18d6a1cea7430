/** Makes sure that whoever stands in line for a slot sees where, and hears how that ended. */
import { formatSpan } from '../subjects/index.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure, RefusedFailure, UnreachableFailure } from './failure.ts';
import { once } from './follow.ts';
import { readProblem } from './gateway-client.ts';
import { placeText } from './present/pools.ts';
import { refusalText } from './present/refusal.ts';
import { Progress } from './progress.ts';
import type { ClaimShape, PlaceShape } from './shapes.ts';
import type { Session } from './shell.ts';

/**
 * Waits for a claim. Throws RefusedFailure, or Failure with `waitOver` where it was not this caller's
 * turn in time; whoever gives up before has left the line.
 */
export async function waitForClaim(
  session: Session,
  path: string,
  {
    waitMs,
    ...ask
  }: {
    readonly body: object;
    readonly headers: Readonly<Record<string, string>>;
    readonly waitMs: number;
  },
): Promise<ClaimShape> {
  const progress = new Progress(session, session.now());
  let claim: ClaimShape | undefined;
  try {
    const query = { tenant: session.tenant, wait: formatSpan(waitMs) };
    await once(
      session,
      path,
      { query, post: ask.body, headers: ask.headers },
      ({ event, data }) => {
        if (event === 'refused') throw refused(data);
        if (event === 'place') progress.tell({ told: placeText(JSON.parse(data) as PlaceShape) });
        if (event === 'claim') claim = JSON.parse(data) as ClaimShape;
      },
    );
  } finally {
    progress.clear();
  }
  session.signal.throwIfAborted();
  if (claim) return claim;
  throw new UnreachableFailure('the gateway ended the wait; ask again to stand in line anew');
}

function refused(data: string): Failure {
  const problem = readProblem(data);
  if (!problem) return new UnreachableFailure(`what answers is no gateway of Shoal: ${data}`);
  if (problem.code !== 'wait-over') return new RefusedFailure(problem, refusalText(problem));
  return new Failure(exitCodes.waitOver, refusalText(problem));
}
