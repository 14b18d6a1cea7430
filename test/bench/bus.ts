/** A nats-server as `make up` starts it, for a benchmark. */

import type { Identity } from '../../subjects/permissions.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';

export const onFile = { storage: 'file', replicas: 1, sync: '10s' } as const;

const control = (name: string): Identity => ({ role: 'control', name });

/** A server on file storage with connections for the control plane. */
export async function benchBus(): Promise<NatsFixture & { readonly names: readonly Identity[] }> {
  const names = ['one', 'two', 'three'].map(control);
  return Object.assign(await natsFixture(names, { isOpen: true }), { names });
}
