/**
 * What must be true once the faults have stopped: everything is as the store says it should be,
 * every firing is handled, and nothing is left that nothing refers to. Runs of schedules come and
 * go: what one look finds may be on its way, what several find is not.
 */
import { instanceOf, sidecarPart } from '../../edge-agent/parts.ts';
import {
  deadRecord,
  endpointsRecord,
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  needsSpec,
  nextOf,
  nodeRecord,
  nodeState,
  type Observed,
  observedRecord,
  phaseOf,
  scheduleRecord,
  specRecord,
  tokensIn,
  workloadRecord,
} from '../../subjects/index.ts';
import { unsettledPools } from './pool-asks.ts';
import { runsInTheEnd } from './rollout-asks.ts';
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
    if (each.outcome) continue;
    const count = ready.get(each.name) ?? 0;
    const wanted = runsInTheEnd(each);
    if (count !== wanted) problems.push(`${each.name} has ${count} of ${wanted}`);
  }
  problems.push(...unlisted(world, live, ready));
  for (const { letter, about, trials } of world.all(deadRecord)) {
    if (trials === undefined) problems.push(`the letter ${letter} about ${about} is left`);
  }
  const ledgers = world.all(ledgerRecord);
  problems.push(...misplaced(world, ledgers), ...leftOver(world, ledgers), ...unfired(world));
  problems.push(...unsettledPools(world));
  return problems;
}

/** Every service with ports has a list of its ready instances, and nothing else has one. */
function unlisted(
  world: World,
  live: readonly Instance[],
  ready: ReadonlyMap<string, number>,
): string[] {
  const problems: string[] = [];
  const lists = new Map(world.all(endpointsRecord).map((each) => [each.workload, each]));
  for (const { kind, name, spec } of world.all(workloadRecord)) {
    if (kind !== 'service' || spec.ports.length === 0) continue;
    const listed = lists.get(name)?.ready ?? [];
    lists.delete(name);
    const isTrue = listed.every(({ instance, node }) =>
      live.some((each) => each.instance === instance && each.node === node),
    );
    if (!isTrue || listed.length !== (ready.get(name) ?? 0)) {
      problems.push(`${name} lists ${listed.length} endpoints of ${ready.get(name) ?? 0}`);
    }
  }
  for (const name of lists.keys())
    problems.push(`${name} has a list of endpoints and is no service`);
  return problems;
}

/** Every process is on the one ledger of its machine, and every entry is a process, with its sidecars. */
function misplaced(world: World, ledgers: readonly Ledger[]): string[] {
  const problems: string[] = [];
  for (const machine of world.machines.values()) {
    const ledger = ledgers.find((each) => each.node === machine.id);
    const listed = new Set(Object.keys(ledger?.entries ?? {}));
    const missing = new Set(listed);
    for (const { input } of machine.running()) {
      const { name, spec } = input;
      if (!listed.has(instanceOf(name))) problems.push(`${name} runs on ${machine.id} unlisted`);
      missing.delete(name);
      for (const sidecar of input.sidecar === undefined ? (spec.spec.sidecars ?? []) : []) {
        const part = sidecarPart(name, sidecar.name);
        if (!machine.processes.get(part)?.isAlive) {
          problems.push(`${name} runs on ${machine.id} without ${sidecar.name}`);
        }
      }
    }
    for (const name of missing)
      problems.push(`${name} is listed on ${machine.id} and does not run`);
  }
  return problems;
}

/** How what is left over is told. */
const LEFT_OVER = 'is left and nothing needs it';

/** Whether a problem is a spec that is left: a decision that lost a race leaves one, and it is cleared away later. */
export function isLeftOver(problem: string): boolean {
  return problem.endsWith(LEFT_OVER);
}

/** Specs that no ledger's entry needs. */
function leftOver(world: World, ledgers: readonly Ledger[]): string[] {
  const problems: string[] = [];
  for (const { key, body } of world.server.stored('shoal')) {
    const spec = body ? tokensIn(specRecord, key) : undefined;
    if (!spec) continue;
    const ledger = ledgers.find((each) => each.node === spec.node);
    const isNeeded = ledger && needsSpec(ledger, { ...spec, generation: Number(spec.generation) });
    if (!isNeeded) problems.push(`${key} ${LEFT_OVER}`);
  }
  return problems;
}

/** A firing without an alarm is met by the sweep, in milliseconds. */
const FIRED_MS = 20_000;

/** Firings that are due and nobody handles. */
function unfired(world: World): string[] {
  const problems: string[] = [];
  const due = world.clock.now() - FIRED_MS;
  for (const schedule of world.all(scheduleRecord)) {
    const { name, pending } = schedule;
    const next = pending?.firing ?? nextOf(schedule);
    if (next !== undefined && next < due) problems.push(`${name} did not fire at ${next}`);
  }
  return problems;
}
