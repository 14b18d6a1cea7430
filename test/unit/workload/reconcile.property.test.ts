/**
 * A workload through anything that may happen to it: orders, failures, nodes that come and go, and
 * a control plane that may stop between any two of its commits. Once all is calm it is what its
 * spec says, and nothing is left over.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import { place, placeMore } from '../../../actors/scheduler/perform.ts';
import { remove, scale, stop } from '../../../actors/workload/orders.ts';
import { reconcile } from '../../../actors/workload/reconcile.ts';
import { newState } from '../../../actors/workload/state.ts';
import { sweep } from '../../../actors/workload/sweep.ts';
import {
  holds,
  type Instance,
  instanceStop,
  isOver,
  type Node,
  type ObservedState,
  observedRecord,
  placeWork,
  type Wanted,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../../subjects/index.ts';
import { ofKind } from '../../support/effects.ts';
import { watchLedgers } from '../../support/ledger-watch.ts';
import {
  addNode,
  addObserved,
  addWorkload,
  observedOf,
  workloadOf,
} from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { due, received, Stage } from '../../support/stage.ts';

const NODES = ['n1', 'n2', 'n3'];
const web = { tenant: 'default', workload: 'web' };

class Life {
  readonly stage = new Stage();
  readonly violations = watchLedgers(this.stage);
  readonly #scheduler = this.stage.stateOf(scheduler());

  constructor(wanted: Wanted) {
    for (const id of NODES) addNode(this.stage, id);
    addWorkload(this.stage, workloadOf('web', wanted));
  }

  get workload() {
    return this.stage.views.workloads.get(web);
  }

  get instances(): readonly Instance[] {
    return [...this.stage.views.instances.entries()].map((each) => each.value);
  }

  get entries() {
    return [...this.stage.views.ledgers.entries()].flatMap(({ value }) =>
      Object.values(value.entries).map((entry) => ({ ...entry, node: value.node })),
    );
  }

  /** Carries out so many commits, then whoever made them dies. */
  #carriesOut(effects: Effects, commitsMax: number): void {
    const commits = this.stage.plan(effects);
    for (let made = 0; made < commitsMax && !commits.isDone; made++) {
      if (!commits.next()) throw new Error('nobody else writes here');
    }
  }

  looks(commitsMax = 9): void {
    this.#carriesOut(reconcile('default.web', this.stage.context), commitsMax);
  }

  sweeps(): void {
    this.#carriesOut(sweep(newState(), due(), this.stage.context), 9);
  }

  places(commitsMax = 9): void {
    const item = received(placeWork, { priority: 'normal', ...web }, { reason: 'test' });
    let effects = place(this.#scheduler, item, this.stage.context);
    for (;;) {
      this.#carriesOut(effects, commitsMax);
      const [more] = ofKind(effects, 'after');
      if (!more || commitsMax < 9) return;
      effects = placeMore(this.#scheduler, due(more.key, more.payload), this.stage.context);
    }
  }

  /** The agents do what their ledgers say; what runs gets the state. */
  acts(state: ObservedState): void {
    const { views, now } = this.stage;
    const isThere = (node: string) => views.nodes.get({ node })?.liveness !== 'offline';
    for (const { value } of [...views.observed.entries()]) {
      const { node, tenant, instance } = value;
      const entry = this.entries.find((one) => one.node === node && one.instance === instance);
      if (!entry && isThere(node)) {
        this.stage.put(observedRecord, { node, tenant, instance }, undefined);
      }
    }
    for (const entry of this.entries.filter((each) => isThere(each.node))) {
      const { node, tenant, instance, epoch, isStopping } = entry;
      const seen = views.observed.get({ node, tenant, instance });
      if (seen?.epoch === epoch && isOver(seen.state)) continue;
      const bound = this.instances.find((each) => each.instance === instance);
      if (!bound) continue;
      const isReady = state === 'running' && !isStopping;
      const more = { node, epoch, state: isStopping ? ('stopped' as const) : state, isReady };
      addObserved(this.stage, observedOf(bound, { ...more, changedAt: now, startedAt: now }));
    }
  }

  scales(count: number): void {
    this.stage.perform(
      scale(newState(), received(workloadScale, web, { count }), this.stage.context),
    );
  }

  /** Another template: every instance is to be replaced. */
  updates(): void {
    const before = this.workload;
    if (before?.kind !== 'service' || before.deletedAt !== undefined) return;
    const generation = before.generation + 1;
    const after = { ...before, generation, templateGeneration: generation };
    this.stage.put(workloadRecord, web, after);
  }

  deletes(): void {
    this.stage.perform(remove(newState(), received(workloadDelete, web, {}), this.stage.context));
  }

  stops(index: number): void {
    const { instance } = this.instances[index % Math.max(1, this.instances.length)] ?? {};
    if (instance === undefined) return;
    const ask = received(instanceStop, { tenant: 'default', instance }, {});
    this.stage.perform(stop(newState(), ask, this.stage.context));
  }

  changes(node: string, more: Partial<Node>): void {
    addNode(this.stage, node, more);
  }

  /** Everything works again, for long enough. */
  calms(state: ObservedState): void {
    for (const id of NODES) this.changes(id, {});
    for (let round = 0; round < 40; round++) {
      this.stage.now += 61_000;
      this.sweeps();
      this.looks();
      this.places();
      this.acts(state);
    }
  }
}

type Act = (life: Life) => void;
/** How many commits are made before whoever makes them dies; nine are all there are. */
const withCrashes = fc.constantFrom(1, 2, 3, 9, 9, 9);
const actsOf = (commits: fc.Arbitrary<number>): fc.Arbitrary<readonly Act[]> =>
  fc.array(actOf(commits), { maxLength: 50, size: 'max' });
const actOf = (commits: fc.Arbitrary<number>): fc.Arbitrary<Act> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: commits.map(
        (max): Act =>
          (life) =>
            life.looks(max),
      ),
    },
    {
      weight: 6,
      arbitrary: commits.map(
        (max): Act =>
          (life) =>
            life.places(max),
      ),
    },
    {
      weight: 6,
      arbitrary: fc
        .constantFrom<ObservedState>('running', 'running', 'starting', 'failed', 'backing-off')
        .map(
          (state): Act =>
            (life) =>
              life.acts(state),
        ),
    },
    {
      weight: 2,
      arbitrary: fc.nat(6).map(
        (count): Act =>
          (life) =>
            life.scales(count),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.nat(9).map(
        (index): Act =>
          (life) =>
            life.stops(index),
      ),
    },
    { weight: 1, arbitrary: fc.constant<Act>((life) => life.updates()) },
    { weight: 1, arbitrary: fc.constant<Act>((life) => life.sweeps()) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(
          fc.constantFrom(...NODES),
          fc.constantFrom<Partial<Node>>(
            {},
            { liveness: 'offline' },
            { liveness: 'suspect' },
            { administered: 'cordoned' },
            { administered: 'draining' },
            { liveness: 'offline', administered: 'failed' },
          ),
        )
        .map(
          ([id, more]): Act =>
            (life) =>
              life.changes(id, more),
        ),
    },
  );
const acts = actsOf(withCrashes);

const wanted = (life: Life): number => life.workload?.spec.count ?? -1;

/** The specs that nodes have, and those that they need for what their ledgers list. */
function specs(life: Life) {
  const needed = life.entries.map(
    ({ node, tenant, workload, generation }) =>
      `for.${node}.spec.${tenant}.${workload}.${generation}`,
  );
  return {
    there: [...life.stage.views.specs.entries()].map((each) => each.key).sort(),
    needed: [...new Set(needed)].sort(),
  };
}

test('a service is what its spec says: so many, of the newest generation, each on one ledger', () => {
  fc.assert(
    fc.property(acts, fc.nat(6), (all, count) => {
      const life = new Life(service(count));
      for (const each of all) each(life);
      life.calms('running');
      expect(life.violations).toEqual([]);
      const running = life.instances.filter((each) => !each.outcome);
      expect(running).toHaveLength(wanted(life));
      for (const each of running) {
        expect(each).toMatchObject({
          generation: life.workload?.templateGeneration,
          intent: 'run',
        });
        const ledger = life.stage.views.ledgers.get({ node: each.node ?? '' });
        expect(holds(ledger, each)).toBe(true);
      }
      expect(life.entries).toHaveLength(running.length);
      expect(specs(life).there).toEqual(expect.arrayContaining(specs(life).needed));
      // There is nothing to do any more.
      expect(reconcile('default.web', life.stage.context)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test('a job ends, one way or the other, and nothing of it runs', () => {
  fc.assert(
    fc.property(acts, fc.integer({ min: 1, max: 5 }), (all, count) => {
      const life = new Life(job(count, { retries: 2 }));
      for (const each of all) each(life);
      life.calms('succeeded');
      expect(life.violations).toEqual([]);
      const outcome = life.workload?.outcome;
      // Of what has ended only some is kept; what became of the whole is in the message.
      const { result, message = '' } = outcome ?? {};
      const succeeded = Number(/^(\d+) of \d+ succeeded$/.exec(message)?.[1] ?? -1);
      if (result === 'succeeded') expect(succeeded).toBeGreaterThanOrEqual(wanted(life));
      else expect(message).toContain('failed and no retries are left');
      expect(life.instances.filter((each) => !each.outcome)).toEqual([]);
      // Retries were repeated no more often than the spec allows.
      const repeats = life.instances.reduce((sum, each) => sum + each.attempt - 1, 0);
      expect(repeats).toBeLessThanOrEqual(2);
      expect(life.entries).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test('what is deleted is gone, with all it had', () => {
  fc.assert(
    fc.property(acts, acts, fc.constantFrom(service(3), job(3)), (before, after, wanted) => {
      const life = new Life(wanted);
      for (const each of before) each(life);
      life.deletes();
      for (const each of after) each(life);
      life.calms('running');
      expect(life.violations).toEqual([]);
      expect(life.workload).toBeUndefined();
      expect(life.instances).toEqual([]);
      expect(life.entries).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test('where nobody dies in between, no node keeps a spec it does not need', () => {
  const whole = actsOf(fc.constant(9));
  fc.assert(
    fc.property(whole, fc.constantFrom(service(3), job(3)), (all, wanted) => {
      const life = new Life(wanted);
      for (const each of all) each(life);
      life.calms('running');
      expect(specs(life).there).toEqual(specs(life).needed);
    }),
    { numRuns: 100 },
  );
});
