/**
 * Makes sure that a run that has written more than its limit is ended with that reason, as one that
 * hangs is: with its grace, and then its policy decides. What it wrote stays over a restart, as its
 * folder does: it may clear up when it begins, else it is ended again, and in the end goes elsewhere.
 */
import type { Effects } from '../actors/runtime/effect.ts';
import { bytes, formatBytes } from '../subjects/index.ts';
import { endToRestart } from './ending.ts';
import type { InstanceUse } from './jobs.ts';
import { endProbing } from './probing.ts';
import type { Ctx, Local, State } from './state.ts';

/** Ends what uses more disk than its spec allows. */
export function overDisk(state: State, uses: readonly InstanceUse[], context: Ctx): Effects {
  return uses.flatMap((use) => {
    const local = state.local.get(use.name);
    const because = local && excessOf(local, use);
    if (!local || because === undefined) return [];
    return [
      ...endProbing(state, use.name, local),
      ...endToRestart(state, use.name, local, { because, context }),
    ];
  });
}

/** What a run has too much of; undefined: nothing, or it is being ended anyway, or it is another one. */
function excessOf(local: Local, use: InstanceUse): string | undefined {
  const limit = local.spec?.spec.limits.disk;
  if (limit === undefined || use.diskBytes === undefined) return undefined;
  if (local.run !== use.run || local.state !== 'running' || local.ending) return undefined;
  const most = bytes(limit);
  if (use.diskBytes <= most) return undefined;
  return `disk limit exceeded: ${formatBytes(use.diskBytes)} of ${formatBytes(most)}`;
}
