/** Records for tests: complete, so that a test says only what it is about. */
import {
  type Amounts,
  acceptanceOf,
  entryName,
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  type Node,
  type NodeFacts,
  noAmounts,
  nodeRecord,
  type Observed,
  observedRecord,
  type Wanted,
  type Workload,
  withEntry,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Stage } from './stage.ts';

const at = 1_767_225_600_000;

/** One core, 1 GiB of memory, 8 GiB of disk. */
export const oneCore: Amounts = { cpuMilli: 1_000, memoryBytes: 2 ** 30, diskBytes: 2 ** 33 };

/** What an agent says of a plain machine. */
export function facts(more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    identity: '6f1c3f0e-8a53-4a3b-9d5e-0c6c2d9f1b7a',
    class: 'steady',
    labels: {},
    architecture: 'x64',
    platform: 'linux',
    hostname: 'n1.lan',
    address: '127.0.0.1',
    agentVersion: '0.1.0',
    protocol: 1,
    drivers: { process: { enforces: [], notEnforced: {} } },
    capacity: oneCore,
    ...more,
  };
}

/** A ready node. */
export function nodeOf(node: string, more: Partial<Node> = {}): Node {
  return {
    ...facts(),
    node,
    liveness: 'ready',
    enrolledAt: at,
    offlineAt: [],
    last: { verb: 'ready', at, message: 'takes work' },
    ...more,
  };
}

/** The empty ledger that goes with a node. */
export function ledgerOf(node: Node, more: Partial<Ledger> = {}): Ledger {
  return {
    node: node.node,
    capacity: node.capacity,
    accepts: acceptanceOf(node),
    incarnation: 1,
    entries: {},
    sums: noAmounts,
    ...more,
  };
}

/** A workload of tenant `default`, as accepted at generation 1. */
export function workloadOf(name: string, wanted: Wanted, more: Partial<Workload> = {}): Workload {
  return {
    ...wanted,
    tenant: 'default',
    name,
    generation: 1,
    templateGeneration: 1,
    createdAt: at,
    last: { verb: 'created', at, message: '' },
    ...more,
  } as Workload;
}

/** An instance `<workload>-<n>` of tenant `default` that was never bound. */
export function instanceOf(instance: string, more: Partial<Instance> = {}): Instance {
  return {
    tenant: 'default',
    instance,
    workload: instance.slice(0, instance.lastIndexOf('-')),
    kind: 'service',
    generation: 1,
    intent: 'run',
    epoch: 0,
    attempt: 1,
    avoid: [],
    failures: 0,
    createdAt: at,
    last: { verb: 'created', at, message: '' },
    ...more,
  };
}

/** What the node of a bound instance sees of it: it runs, and is ready. */
export function observedOf(instance: Instance, more: Partial<Observed> = {}): Observed {
  const { tenant, workload, epoch, attempt } = instance;
  return {
    node: instance.node ?? '',
    ...{ tenant, workload, instance: instance.instance, epoch, attempt },
    state: 'running',
    isReady: true,
    address: '127.0.0.1',
    ports: {},
    restarts: 0,
    startedAt: at,
    changedAt: at,
    ...more,
  };
}

/** What specs ask for that do not say: 100m and 128Mi. */
export const usual: Amounts = { cpuMilli: 100, memoryBytes: 2 ** 27, diskBytes: 0 };

/** Puts a node and its ledger on a stage. */
export function addNode(stage: Stage, id: string, more: Partial<Node> = {}): Node {
  const node = nodeOf(id, more);
  const before = stage.views.ledgers.get({ node: id });
  const { capacity, accepts } = ledgerOf(node);
  const ledger = before ? { ...before, capacity, accepts } : ledgerOf(node);
  stage.put(ledgerRecord, { node: id }, ledger);
  stage.put(nodeRecord, { node: id }, node);
  return node;
}

/** Puts a workload on a stage. */
export function addWorkload(stage: Stage, workload: Workload): Workload {
  const tokens = { tenant: workload.tenant, workload: workload.name };
  stage.put(workloadRecord, tokens, workload);
  return workload;
}

/** Puts an instance on a stage. */
export function addInstance(stage: Stage, instance: Instance): Instance {
  const tokens = { tenant: instance.tenant, instance: instance.instance };
  stage.put(instanceRecord, tokens, instance);
  return instance;
}

/** Puts an instance on a stage that a node's ledger lists. */
export function addBound(
  stage: Stage,
  node: string,
  instance: Instance,
  amounts = usual,
): Instance {
  const bound = addInstance(stage, { ...instance, node, epoch: Math.max(1, instance.epoch) });
  const ledger = stage.views.ledgers.get({ node });
  if (!ledger) throw new Error(`${entryName(bound)} cannot be listed: ${node} has no ledger`);
  stage.put(ledgerRecord, { node }, withEntry(ledger, bound, amounts));
  return bound;
}

/** Puts what a node sees on a stage. */
export function addObserved(stage: Stage, observed: Observed): Observed {
  const { node, tenant, instance } = observed;
  stage.put(observedRecord, { node, tenant, instance }, observed);
  return observed;
}
