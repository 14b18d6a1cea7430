/**
 * How services come to another version, through anything that may happen on the way: instances
 * that become ready, fail, find no room; counts, versions and strategies that change, nodes that
 * are drained. Each promise of a strategy is held to at every single step.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Known } from '../../../actors/workload/settle.ts';
import { adjust } from '../../../actors/workload/wanted.ts';
import { budgetOf, holdOf, type Workload } from '../../../subjects/index.ts';
import { instanceOf, ledgerOf, nodeOf, observedOf, workloadOf } from '../../support/records.ts';
import { service } from '../../support/specs.ts';

const now = 1_767_225_700_000;

/** Rounds of each property; `RUNS=100000` looks longer. */
const RUNS = Number(process.env['RUNS'] ?? 1_500);

type Update = Record<string, unknown>;
interface Copy {
  readonly id: number;
  readonly generation: number;
  readonly node: number;
  state: 'parked' | 'starting' | 'ready' | 'failing';
  isStopping: boolean;
}

/** A service whose instances do what they are told, one random step at a time. */
class Life {
  readonly copies: Copy[] = [];
  readonly draining = new Set<number>();
  readonly broken: string[] = [];
  /** How many instances find room; the others are parked. */
  room = Infinity;
  workload: Workload;
  #ids = 0;

  constructor(update: Update, count: number) {
    this.workload = workloadOf('web', service(count, { update }));
  }

  get running(): Copy[] {
    return this.copies.filter((each) => !each.isStopping);
  }

  get ready(): Copy[] {
    return this.running.filter((each) => each.state === 'ready');
  }

  #known(each: Copy): Known {
    const node = `n${each.node}`;
    const isDraining = this.draining.has(each.node);
    const more = isDraining ? { administered: 'draining' as const } : {};
    const isBound = each.state !== 'parked';
    const instance = instanceOf(`web-${each.id}`, {
      generation: each.generation,
      intent: each.isStopping ? 'stop' : 'run',
      createdAt: each.id,
      ...(isBound ? { node, epoch: 1 } : { parked: { at: 1, removed: {}, nodes: 1 } }),
    });
    const isReady = each.state === 'ready';
    return {
      instance,
      observed: isBound ? observedOf(instance, { node, isReady }) : undefined,
      node: isBound ? (isDraining ? 'draining' : 'ready') : undefined,
      ledger: isBound ? ledgerOf(nodeOf(node, more)) : undefined,
      listing: [],
    };
  }

  /** One look of the workload actor, and what it promises meanwhile. */
  looks(): boolean {
    const { workload } = this;
    if (workload.kind !== 'service') throw new Error('a service');
    const { count, update } = workload.spec;
    const readyBefore = this.ready.length;
    const runningBefore = this.running.length;
    const {
      create,
      restore = 0,
      retire,
    } = adjust(
      workload,
      this.copies.map((each) => this.#known(each)),
      now,
    );
    const gone = new Set(retire.map(({ instance }) => instance.instance));
    const retiredReady = this.ready.filter((each) => gone.has(`web-${each.id}`)).length;
    for (const each of this.copies) if (gone.has(`web-${each.id}`)) each.isStopping = true;
    const hold = holdOf(workload);
    for (let made = 0; made < restore; made++) this.#make(hold?.from ?? 0);
    for (let made = 0; made < create; made++) this.#make(workload.templateGeneration);
    if (update?.strategy === 'rolling' || update?.strategy === 'canary') {
      const budget = budgetOf(update, count);
      if (retiredReady > 0 && readyBefore - retiredReady < budget.available) {
        this.broken.push(`${readyBefore - retiredReady} ready, ${budget.available} promised`);
      }
      if (this.running.length > Math.max(runningBefore, count + budget.surge)) {
        this.broken.push(`${this.running.length} run of ${count} and ${budget.surge}`);
      }
    }
    const isNewer = (each: Copy): boolean => each.generation === workload.templateGeneration;
    // One whose node is drained goes when another canary is ready in its place.
    const canaries = this.running.filter((each) => isNewer(each) && !this.draining.has(each.node));
    if (hold && create > 0 && canaries.length > hold.canaries) {
      this.broken.push(`${canaries.length} canaries of ${hold.canaries}`);
    }
    if (update?.strategy === 'recreate' && create > 0 && !this.copies.every(isNewer)) {
      this.broken.push('two versions at once');
    }
    return create + restore + retire.length > 0;
  }

  #make(generation: number): void {
    const id = ++this.#ids;
    const spot = [1, 2, 3, 4].find((node) => !this.draining.has(node)) ?? 4;
    this.copies.push({ id, generation, node: spot, state: 'parked', isStopping: false });
  }

  /** What waits for room finds it, while there is some. */
  places(): void {
    const bound = this.copies.filter((each) => each.state !== 'parked').length;
    const waiting = this.copies.filter((each) => each.state === 'parked' && !each.isStopping);
    for (const each of waiting.slice(0, Math.max(0, this.room - bound))) each.state = 'starting';
  }

  /** What was told to end has ended. */
  ends(): void {
    const left = this.copies.filter((each) => !each.isStopping);
    this.copies.splice(0, this.copies.length, ...left);
  }

  becomes(index: number, state: 'ready' | 'failing'): void {
    const bound = this.running.filter((each) => each.state !== 'parked');
    const one = bound[index % Math.max(1, bound.length)];
    if (one) one.state = state;
  }

  changes(spec: Update): void {
    const { workload } = this;
    if (workload.kind !== 'service') return;
    this.workload = { ...workload, spec: { ...workload.spec, ...spec } };
  }

  updates(): void {
    const { templateGeneration: before, rollout } = this.workload;
    const isDone = this.running.every((each) => each.generation === before);
    const generation = this.workload.generation + 1;
    const from = isDone ? before : (rollout?.from ?? before);
    const changed = { generation, templateGeneration: generation, rollout: { from, at: now } };
    this.workload = { ...this.workload, ...changed };
  }

  promotes(): void {
    const { rollout } = this.workload;
    if (rollout) this.workload = { ...this.workload, rollout: { ...rollout, promotedAt: now } };
  }

  /** Everything that may go well does, until there is nothing to do any more. */
  calms(): void {
    this.draining.clear();
    this.room = Infinity;
    for (let round = 0; round < 200; round++) {
      this.places();
      for (const each of this.running) if (each.state !== 'parked') each.state = 'ready';
      this.ends();
      if (!this.looks()) return;
    }
    this.broken.push('it never ends');
  }
}

const amount = fc.oneof(fc.nat(4), fc.constantFrom('0%', '1%', '25%', '34%', '50%', '99%', '100%'));
const updates = fc.oneof(
  fc.record({ strategy: fc.constant('rolling'), maxSurge: amount, minAvailable: amount }),
  fc.constant({ strategy: 'recreate' }),
  fc.record({
    strategy: fc.constant('canary'),
    canary: fc.record({ count: fc.integer({ min: 1, max: 4 }) }),
    ...{ maxSurge: amount, minAvailable: amount },
  }),
);
type Step = (life: Life) => void;
const steps = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    { weight: 8, arbitrary: fc.constant((life) => void life.looks()) },
    { weight: 4, arbitrary: fc.constant((life) => life.places()) },
    { weight: 3, arbitrary: fc.constant((life) => life.ends()) },
    { weight: 6, arbitrary: fc.nat(9).map((index) => (life) => life.becomes(index, 'ready')) },
    { weight: 1, arbitrary: fc.nat(9).map((index) => (life) => life.becomes(index, 'failing')) },
    { weight: 2, arbitrary: fc.nat(7).map((count) => (life) => life.changes({ count })) },
    { weight: 2, arbitrary: fc.constant((life) => life.updates()) },
    { weight: 1, arbitrary: fc.constant((life) => life.promotes()) },
    {
      weight: 1,
      arbitrary: fc.nat(8).map((room) => (life) => {
        life.room = room;
      }),
    },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 1, max: 4 }).map((node) => (life) => {
        if (!life.draining.delete(node)) life.draining.add(node);
      }),
    },
  ),
  { maxLength: 60, size: 'max' },
);
/** A count and a strategy that may be asked for at that count. */
const started = fc
  .tuple(updates, fc.nat(6))
  .map(([update, count]) => {
    try {
      return new Life(update, count);
    } catch {
      return undefined;
    }
  })
  .filter((life) => life !== undefined);

describe('a strategy, through anything', () => {
  test('never retires below minAvailable, makes more than the surge or more than the canaries', () => {
    fc.assert(
      fc.property(started, steps, (life, all) => {
        for (const each of all) each(life);
        expect(life.broken).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('ends with all of the newest version, or with its canaries beside those that serve', () => {
    fc.assert(
      fc.property(started, steps, (life, all) => {
        for (const each of all) each(life);
        life.calms();
        expect(life.broken).toEqual([]);
        const { workload } = life;
        const versions = life.running.map((each) => each.generation);
        const newest = versions.filter((each) => each === workload.templateGeneration);
        const hold = holdOf(workload);
        if (!hold)
          expect(versions).toEqual(Array(workload.spec.count).fill(workload.templateGeneration));
        else {
          expect(newest).toHaveLength(hold.canaries);
          expect(versions.length).toBeGreaterThanOrEqual(workload.spec.count);
          expect(new Set(versions).size).toBeLessThanOrEqual(2);
          life.promotes();
          life.calms();
          expect(life.broken).toEqual([]);
          expect(life.running.map((each) => each.generation)).toEqual(
            Array(workload.spec.count).fill(workload.templateGeneration),
          );
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('where there is no room for a surge', () => {
  const full = (minAvailable: number | string) => {
    const life = new Life({ strategy: 'rolling', maxSurge: 1, minAvailable }, 2);
    life.calms();
    life.room = 2;
    life.updates();
    for (let round = 0; round < 20; round++) {
      life.looks();
      life.ends();
      life.places();
      for (const each of life.running) if (each.state === 'starting') each.state = 'ready';
    }
    return life;
  };

  test('old ones go first as far as minAvailable allows', () => {
    const life = full(1);
    expect(life.running.map((each) => each.generation)).toEqual([2, 2]);
    expect(life.broken).toEqual([]);
  });

  test('it waits where minAvailable does not, and nothing that serves goes', () => {
    const life = full('100%');
    expect(life.ready.map((each) => each.generation)).toEqual([1, 1]);
    expect(life.running.filter((each) => each.state === 'parked')).toHaveLength(1);
  });
});
