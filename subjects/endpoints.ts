/** Where a service is called: the list of its instances that take calls, for whoever balances them. */
import { z } from 'zod';
import { record } from './contract.ts';
import { type Instance, type Observed, phaseOf } from './instance.ts';
import { instanceId, nodeId, portName, tenantName, workloadName } from './names.ts';
import type { NodeState } from './node.ts';

export const endpointsRecord = record({
  name: 'endpoints',
  bucket: 'shoal',
  subject: 'endpoints.{tenant}.{workload}',
  schema: z.object({
    tenant: tenantName,
    workload: workloadName,
    /** Those that are ready, by name; one that is to end is gone from here before it is told. */
    ready: z.array(
      z.object({
        instance: instanceId,
        node: nodeId,
        address: z.string().max(255),
        /** Number of each named port. */
        ports: z.record(portName, z.number().int().min(1).max(65_535)),
      }),
    ),
  }),
  // A thousand instances with sixteen ports of long names, of 700 bytes each; below the bus's own limit.
  bytesMax: 786_432,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'Where the ready instances of a service take calls. Its key is the name that stays.',
});
export type Endpoints = z.infer<typeof endpointsRecord.schema>;
export type ReadyEndpoint = Endpoints['ready'][number];

/** Where an instance takes calls; undefined: at the moment it takes none. */
export function readyAt(
  instance: Instance,
  observed: Observed | undefined,
  node: NodeState | undefined,
): ReadyEndpoint | undefined {
  if (!observed || instance.node === undefined) return undefined;
  if (phaseOf(instance, observed, node) !== 'ready') return undefined;
  const { address, ports } = observed;
  return { instance: instance.instance, node: instance.node, address, ports };
}
