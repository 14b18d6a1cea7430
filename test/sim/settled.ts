/** What must be true once the faults have stopped: everything is as the store says it should be. */
import {
  instanceRecord,
  type Ledger,
  ledgerRecord,
  nodeRecord,
  nodeState,
  type Observed,
  observedRecord,
  phaseOf,
  workloadRecord,
} from '../../subjects/index.ts';
import type { World } from './world.ts';

/** What is not as the store says it should be, at this moment. */
export function unsettled(world: World): string[] {
  const problems: string[] = [];
  const nodes = new Map(world.all(nodeRecord).map((each) => [each.node, nodeState(each)]));
  for (const [node, state] of nodes) {
    const wanted = world.machines.get(node)?.isAlive ? 'ready' : 'offline';
    if (state !== wanted) problems.push(`${node} is ${state}, not ${wanted}`);
  }
  const observed = new Map<string, Observed>(
    world.all(observedRecord).map((each) => [`${each.node}.${each.instance}`, each]),
  );
  const live = world.all(instanceRecord).filter((each) => !each.outcome);
  const ready = new Map<string, number>();
  for (const each of live) {
    const seen = observed.get(`${each.node}.${each.instance}`);
    const phase = phaseOf(each, seen, nodes.get(each.node ?? ''));
    if (phase === 'ready') ready.set(each.workload, (ready.get(each.workload) ?? 0) + 1);
    else problems.push(`${each.instance} is ${phase}`);
  }
  for (const each of world.all(workloadRecord)) {
    if (each.deletedAt !== undefined) problems.push(`${each.name} is still being deleted`);
    const count = ready.get(each.name) ?? 0;
    if (count !== each.spec.count) problems.push(`${each.name} has ${count} of ${each.spec.count}`);
  }
  problems.push(...misplaced(world, world.all(ledgerRecord)));
  return problems;
}

/** Every process is on the one ledger of its machine, and every entry is a process. */
function misplaced(world: World, ledgers: readonly Ledger[]): string[] {
  const problems: string[] = [];
  for (const machine of world.machines.values()) {
    const ledger = ledgers.find((each) => each.node === machine.id);
    const listed = new Set(Object.keys(ledger?.entries ?? {}));
    for (const { input } of machine.running()) {
      if (!listed.delete(input.name)) problems.push(`${input.name} runs on ${machine.id} unlisted`);
    }
    for (const name of listed) problems.push(`${name} is listed on ${machine.id} and does not run`);
  }
  return problems;
}
