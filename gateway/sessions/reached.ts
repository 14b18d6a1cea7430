/** Makes sure that a session is asked for only where its instance runs at the moment. */
import { type Answer, refusal } from '../../subjects/index.ts';
import { instanceNotFound } from '../http/not-found.ts';
import type { Inside } from '../inside.ts';
import type { Wanted } from './sessions.ts';

/** The node that runs what is wanted. */
export function nodeRunning(
  known: Inside['known'],
  { tenant, instance: id, sidecar }: Pick<Wanted, 'tenant' | 'instance' | 'sidecar'>,
): Answer<string> {
  const instance = known.instances.get({ tenant, instance: id });
  if (!instance) return { ok: false, refusal: instanceNotFound(tenant, id) };
  const { phase } = known.see(instance);
  const { node } = instance;
  const isRunning = phase === 'running' || phase === 'ready';
  // A sidecar runs before its program does; how it stands its agent knows.
  if (node !== undefined && (isRunning || sidecar !== undefined)) {
    return { ok: true, value: node };
  }
  return { ok: false, refusal: refusal('instance-not-running', `${id} is ${phase}`) };
}
