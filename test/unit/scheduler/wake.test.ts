/** Who waits, and who is woken when there is room: those it could help, and nobody else. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import type { State } from '../../../actors/scheduler/state.ts';
import { hasGained, ledgerChanged, nodeChanged } from '../../../actors/scheduler/wake.ts';
import {
  difference,
  fits,
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  noAmounts,
  nodeRecord,
  placeWork,
  type Wanted,
  withEntry,
  without,
} from '../../../subjects/index.ts';
import { sent } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  ledgerOf,
  nodeOf,
  oneCore,
  workloadOf,
} from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = stage.stateOf(scheduler());
  addNode(stage, 'n1');
});

const parkedAt = (at: number): Partial<Instance> => ({
  parked: { at, removed: { resources: 1 }, nodes: 1 },
});
/** A workload with one instance that has waited since `at`. */
function waits(name: string, at: number, wanted: Wanted = service(1)): void {
  addWorkload(stage, workloadOf(name, wanted));
  addInstance(stage, instanceOf(`${name}-1`, parkedAt(at)));
}
const cpu = (amount: string, more = {}) => service(1, { resources: { cpu: amount }, ...more });
const waiting = () => [...state.parked].map(([group, ids]) => `${group}: ${[...ids].join(' ')}`);

/** Whom a ledger that has just got room wakes. */
function woken(node = 'n1'): readonly string[] {
  const after = stage.views.ledgers.get({ node });
  if (!after) throw new Error(`no ledger of ${node}`);
  const change = stage.put(ledgerRecord, { node }, after);
  const before: Ledger = { ...after, accepts: 'suspect' };
  const effects = ledgerChanged(state, { ...change, before }, stage.context);
  return sent(effects, placeWork).map(({ tokens }) => tokens.workload);
}

describe('the list of those that wait', () => {
  test('an instance is on it from when it is parked until it is bound, stopped, ended or gone', () => {
    for (const end of [
      instanceOf('web-1', { node: 'n1', epoch: 1 }),
      instanceOf('web-1', { ...parkedAt(1), intent: 'stop' }),
      instanceOf('web-1', { ...parkedAt(1), outcome: { result: 'failed', at: 1, message: '' } }),
      undefined,
    ]) {
      addInstance(stage, instanceOf('web-1', parkedAt(1)));
      expect(waiting()).toEqual(['default.web: web-1']);
      stage.put(instanceRecord, { tenant: 'default', instance: 'web-1' }, end);
      expect(waiting()).toEqual([]);
    }
  });

  test('who is parked anew for another reason keeps its place', () => {
    for (const id of ['web-1', 'web-2']) addInstance(stage, instanceOf(id, parkedAt(1)));
    addInstance(stage, instanceOf('web-1', { ...parkedAt(1), failures: 1 }));
    expect(waiting()).toEqual(['default.web: web-1 web-2']);
  });
});

describe('a node wakes', () => {
  test('nobody where nobody waits', () => {
    expect(woken()).toEqual([]);
  });

  test('by priority, then the longest waiting first', () => {
    waits('low', 1, service(1, { priority: 'low' }));
    waits('young', 9);
    waits('old', 2);
    waits('high', 30, service(1, { priority: 'high' }));
    expect(woken()).toEqual(['high', 'old', 'young', 'low']);
  });

  test('by a number of its own between, above and below the names', () => {
    waits('high', 1, service(1, { priority: 'high' }));
    waits('normal', 2);
    waits('between', 3, service(1, { priorityValue: 75 }));
    waits('below', 4, service(1, { priorityValue: 49 }));
    waits('above', 5, service(1, { priorityValue: 1000 }));
    expect(woken()).toEqual(['above', 'high', 'between', 'normal', 'below']);
  });

  test('a workload once, however many of its instances wait; by the oldest of them', () => {
    waits('web', 5);
    addInstance(stage, instanceOf('web-2', parkedAt(90)));
    waits('other', 7);
    addInstance(stage, instanceOf('web-1', { ...parkedAt(5), failures: 1 }));
    expect(woken()).toEqual(['web', 'other']);
  });

  test('those it could take, and no more than there is room for', () => {
    waits('a', 1, cpu('600m'));
    waits('b', 2, cpu('600m'));
    waits('c', 3, cpu('300m'));
    waits('d', 4, cpu('200m'));
    expect(woken()).toEqual(['a', 'c']);
  });

  test('nobody who could not run there', () => {
    waits('driver', 1, service(1, { driver: 'docker', image: 'app:1' }));
    waits('labels', 2, service(1, { placement: { labels: { zone: 'attic' } } }));
    waits('architecture', 3, service(1, { placement: { architecture: 'arm64' } }));
    waits('big', 4, cpu('2'));
    expect(woken()).toEqual([]);
  });

  test('nobody of a workload that is gone', () => {
    addInstance(stage, instanceOf('web-1', parkedAt(1)));
    expect(woken()).toEqual([]);
  });

  test('at most 64 workloads', () => {
    addNode(stage, 'n1', { capacity: { ...oneCore, cpuMilli: 64_000, memoryBytes: 2 ** 40 } });
    for (let index = 0; index < 70; index++) waits(`w${index}`, index);
    expect(woken()).toHaveLength(64);
  });

  test('somebody when its record changes, if it takes work; nobody when it is gone', () => {
    waits('web', 1);
    const wokenBy = (after: Parameters<typeof nodeOf>[1] | undefined) => {
      const record = after && nodeOf('n1', after);
      const change = stage.put(nodeRecord, { node: 'n1' }, record);
      return sent(nodeChanged(state, change, stage.context), placeWork).length;
    };
    expect(wokenBy({ labels: { zone: 'attic' } })).toBe(1);
    expect(wokenBy(undefined)).toBe(0);
    addNode(stage, 'n1', { administered: 'cordoned' });
    expect(wokenBy({ administered: 'cordoned' })).toBe(0);
  });
});

describe('only what gains room wakes', () => {
  const ledger = ledgerOf(nodeOf('n1'));
  const withPort = withEntry(ledger, instanceOf('web-1'), { ...noAmounts, ports: ['80/tcp'] });
  const used: Ledger = { ...ledger, sums: { ...ledger.sums, cpuMilli: 500 } };
  test.each<[string, Ledger | undefined, Ledger, boolean]>([
    ['a node that joined', undefined, ledger, true],
    ['one that takes work again', { ...ledger, accepts: 'suspect' }, ledger, true],
    ['one that takes work again, full', { ...used, accepts: 'cordoned' }, used, true],
    ['one that lost an entry', used, ledger, true],
    [
      'one that was made larger',
      used,
      { ...used, capacity: { ...oneCore, diskBytes: 2 ** 40 } },
      true,
    ],
    ['one that got a port back', withPort, ledger, true],
    ['one whose entry took a port', ledger, withPort, false],
    ['one that got an entry', ledger, used, false],
    ['one that is the same', used, used, false],
    [
      'one that was made smaller',
      ledger,
      { ...ledger, capacity: { ...oneCore, cpuMilli: 1 } },
      false,
    ],
    ['one that lost an entry and takes none', used, { ...ledger, accepts: 'draining' }, false],
    ['one that joined and takes none', undefined, { ...ledger, accepts: 'enrolling' }, false],
  ])('%s', (_, before, after, isGain) => {
    expect(hasGained(before, after)).toBe(isGain);
  });

  test('for any two ledgers of a node that takes work: exactly if some need fits now only', () => {
    const few = fc.nat(3);
    const amounts = fc.record({ cpuMilli: few, memoryBytes: few, diskBytes: few });
    const any = fc
      .record({ capacity: amounts, sums: amounts })
      .map((of): Ledger => ({ ...ledger, ...of }));
    fc.assert(
      fc.property(any, any, (before, after) => {
        const room = (of: Ledger) => difference(of.capacity, of.sums);
        const all = [-3, -2, -1, 0, 1, 2, 3];
        const couldNow = all.some((cpuMilli) =>
          all.some((memoryBytes) =>
            all.some((diskBytes) => {
              const need = { cpuMilli, memoryBytes, diskBytes };
              return fits(need, room(after)) && !fits(need, room(before));
            }),
          ),
        );
        expect(hasGained(before, after)).toBe(couldNow);
      }),
    );
  });

  test('an entry that leaves wakes the waiting; one that comes does not', () => {
    const big = addBound(stage, 'n1', instanceOf('big-1'), { ...oneCore, memoryBytes: 0 });
    waits('web', 1);
    const ledger = stage.views.ledgers.get({ node: 'n1' }) as Ledger;
    const left = stage.put(
      ledgerRecord,
      { node: 'n1' },
      without(ledger, `default.${big.instance}`),
    );
    expect(sent(ledgerChanged(state, left, stage.context), placeWork)).toEqual([
      {
        tokens: { priority: 'normal', tenant: 'default', workload: 'web' },
        payload: { reason: 'room on n1' },
      },
    ]);
    const came = stage.put(ledgerRecord, { node: 'n1' }, ledger);
    expect(ledgerChanged(state, came, stage.context)).toEqual([]);
    const gone = stage.put(ledgerRecord, { node: 'n1' }, undefined);
    expect(ledgerChanged(state, gone, stage.context)).toEqual([]);
  });
});
