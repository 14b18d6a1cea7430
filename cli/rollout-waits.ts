/** What waiting for a rollout means: complete, or in the hands of a person; or that it failed. */
import { rolloutPath } from './paths.ts';
import { rolloutLine } from './present/rollouts.ts';
import type { RolloutShape } from './shapes.ts';
import type { Session } from './shell.ts';
import { type Patience, type Seen, waitFor } from './waiting.ts';

interface Named {
  readonly tenant: string;
  readonly name: string;
  /** Only its failure counts; default: any. */
  readonly generation?: number;
}

/**
 * Waits until a rollout is complete, or its canaries are ready. Throws Failure: refused when it
 * failed or was rolled back, waitOver when late.
 */
export async function waitRolledOut(
  session: Session,
  of: Named & { readonly patience: Patience },
): Promise<void> {
  const { name, patience } = of;
  await waitFor(session, {
    what: `the rollout of ${name} is not over`,
    patience,
    next: `shoal rollout status ${name}`,
    look: () => lookRolledOut(session, of),
  });
}

/** How a rollout stands, and whether that ends the waiting. */
export async function lookRolledOut(
  session: Session,
  { tenant, name, generation }: Named,
): Promise<Seen> {
  const rollout = await session.gateway.read<RolloutShape>(rolloutPath(name), { tenant });
  const { state, failed, ready, wanted, outdated } = rollout;
  const told = `${name}: ${rolloutLine(rollout)}`;
  const isOurs = generation === undefined || failed?.version === generation;
  if (failed && isOurs && (state === 'failed' || state === 'rolled-back')) {
    return { isDone: false, told, failed: `${name}: ${failed.message}` };
  }
  const share = { done: Math.min(ready, wanted), of: wanted };
  const left = outdated > 0 ? `, ${outdated} of others` : '';
  const brief = `${name}: version ${rollout.version}${left}`;
  const detail = rollout.waitsFor;
  const isBack = state === 'rolled-back' && ready >= wanted && outdated === 0;
  return {
    isDone: state === 'complete' || state === 'paused' || isBack,
    told,
    share,
    brief,
    detail,
  };
}
