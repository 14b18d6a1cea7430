/** Makes sure that an ask that changed a workload is known when it comes again, its answer lost. */
import { address, type workloadApply, workloadRecord } from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import type { Ctx } from './state.ts';

/**
 * Whether what a workload says last was asked for by this very ask. Who wrote it is not enough:
 * each step that makes or retires instances writes the workload, too, as it is.
 */
export function isMine(
  ask: Pick<Received<typeof workloadApply>, 'id' | 'tokens'>,
  context: Ctx,
): boolean {
  const { last } = context.views.workloads.get(ask.tokens) ?? {};
  return (
    last?.askedBy === ask.id ||
    // Written by a control plane that does not say who asked.
    context.isMine(workloadRecord, address(workloadRecord, ask.tokens))
  );
}
